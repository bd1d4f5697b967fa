select
    arrival_date,
    hour_at,
    source,
    rule,
    received_at,
    event_type,
    app_version,
    value_excerpt,
    kafka_partition,
    kafka_offset
from {{ source('warehouse', 'rejections') }}
