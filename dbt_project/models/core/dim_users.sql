with activity as (
    select
        actor_id as user_id,
        max(last_event_at) as last_seen_at,
        count(distinct activity_date) as active_day_count,
        cast(sum(event_count) as bigint) as event_count
    from {{ ref('int_actor_days') }}
    where actor_kind = 'user'
    group by actor_id
),

first_seen as (
    select
        actor_id as user_id,
        first_source,
        first_seen_at
    from {{ ref('int_first_seen') }}
    where actor_kind = 'user'
),

visitors as (
    select
        user_id,
        count(distinct anonymous_id) as visitor_count
    from {{ ref('stg_product_events__identities') }}
    group by user_id
)

select
    cast(activity.user_id as varchar(64)) as user_id,
    first_seen.first_seen_at,
    activity.last_seen_at,
    first_seen.first_source,
    activity.active_day_count,
    activity.event_count,
    coalesce(visitors.visitor_count, 0) as visitor_count
from activity
inner join first_seen on activity.user_id = first_seen.user_id
left join visitors on activity.user_id = visitors.user_id
