select
    arrival_date,
    hour_at,
    source,
    offset_count,
    landed_count,
    control_or_gap_count,
    raw_bytes,
    staged_count,
    quarantined_count
from {{ source('warehouse', 'ingest_hours') }}
