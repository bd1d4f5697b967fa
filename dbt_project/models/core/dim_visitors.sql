with intervals as (
    select
        anonymous_id,
        user_id,
        interval_number,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        cast(sum(event_count) as bigint) as event_count
    from {{ ref('int_identity_changes') }}
    group by anonymous_id, user_id, interval_number
),

bounded as (
    select
        anonymous_id,
        user_id,
        interval_number,
        first_seen_at,
        last_seen_at,
        event_count,
        lead(first_seen_at) over (partition by anonymous_id order by interval_number) as valid_to
    from intervals
)

select
    cast(anonymous_id || '-' || cast(interval_number as varchar(8)) as varchar(80)) as visitor_interval_id,
    anonymous_id,
    user_id,
    first_seen_at as valid_from,
    valid_to,
    -- What a browser did before its first login is credited to that account, within the stated number of days.
    case
        when interval_number = 1 then cast(cast(first_seen_at as date) - {{ var('identity_backfill_days') }} as timestamp)
        else first_seen_at
    end as attributed_from,
    last_seen_at,
    event_count,
    valid_to is null as is_current
from bounded
