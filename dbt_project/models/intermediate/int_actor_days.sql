{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='activity_date', on_schema_change='append_new_columns') }}

with events as (
    select
        event_date as activity_date,
        source,
        visitor_id,
        user_id,
        occurred_at
    from {{ ref('stg_product_events__events') }}
    where {{ in_window('event_date') }}
),

actors as (
    select
        activity_date,
        'visitor' as actor_kind,
        visitor_id as actor_id,
        source,
        occurred_at
    from events
    union all
    select
        activity_date,
        'user' as actor_kind,
        user_id as actor_id,
        source,
        occurred_at
    from events
    where user_id is not null
)

select
    activity_date,
    cast(actor_kind as varchar(16)) as actor_kind,
    cast(actor_id as varchar(80)) as actor_id,
    source,
    count(*) as event_count,
    min(occurred_at) as first_event_at,
    max(occurred_at) as last_event_at
from actors
group by activity_date, actor_kind, actor_id, source
