{# Days of one visitor and user in order; a change of user begins a new interval. #}
with ordered as (
    select
        anonymous_id,
        user_id,
        first_seen_at,
        last_seen_at,
        event_count,
        lag(user_id) over (partition by anonymous_id order by first_seen_at, user_id) as previous_user_id
    from {{ ref('stg_product_events__identities') }}
),

marked as (
    select
        anonymous_id,
        user_id,
        first_seen_at,
        last_seen_at,
        event_count,
        case when previous_user_id = user_id then 0 else 1 end as is_change
    from ordered
)

select
    anonymous_id,
    user_id,
    first_seen_at,
    last_seen_at,
    event_count,
    sum(is_change) over (
        partition by anonymous_id
        order by first_seen_at, user_id
        rows between unbounded preceding and current row
    ) as interval_number
from marked
