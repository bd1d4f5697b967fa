select
    event_date,
    event_id,
    source,
    event_type,
    occurred_at,
    received_at,
    kept_source,
    kept_kafka_partition,
    kept_kafka_offset,
    kafka_partition,
    kafka_offset
from {{ source('warehouse', 'conflicts') }}
