{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='event_date', on_schema_change='append_new_columns') }}

with events as (
    select
        event_date,
        cast(date_trunc('hour', occurred_at) as timestamp) as hour_at,
        source,
        event_type,
        occurred_at,
        received_at,
        {{ seconds_between('occurred_at', 'received_at') }} as delivery_s,
        0 as is_conflict
    from {{ ref('stg_product_events__events') }}
    where {{ in_window('event_date') }}
    union all
    select
        event_date,
        cast(date_trunc('hour', occurred_at) as timestamp) as hour_at,
        source,
        event_type,
        occurred_at,
        received_at,
        0 as delivery_s,
        1 as is_conflict
    from {{ ref('stg_product_events__conflicts') }}
    where {{ in_window('event_date') }}
)

select
    event_date,
    hour_at,
    source,
    event_type,
    {{ count_where('is_conflict = 0') }} as event_count,
    {{ sum_count('is_conflict') }} as conflict_count,
    {{ count_where('is_conflict = 0 and delivery_s >= 3600') }} as late_event_count,
    {{ sum_count('delivery_s') }} as delivery_s_sum,
    max(case when is_conflict = 0 then occurred_at end) as newest_occurred_at,
    max(case when is_conflict = 0 then received_at end) as newest_received_at
from events
group by event_date, hour_at, source, event_type
