with events as (
    select
        source,
        max(newest_occurred_at) as newest_occurred_at,
        max(newest_received_at) as newest_received_at,
        max(event_date) as newest_event_date
    from {{ ref('mart_event_volume') }}
    where event_count > 0
    group by source
),

hours as (
    select
        source,
        max(hour_at) as newest_hour_at
    from {{ ref('mart_data_quality') }}
    group by source
),

sources as (
    select source from events
    union
    select source from hours
)

select
    sources.source,
    events.newest_occurred_at,
    events.newest_received_at,
    events.newest_event_date,
    hours.newest_hour_at
from sources
left join events on sources.source = events.source
left join hours on sources.source = hours.source
