{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='event_date', on_schema_change='append_new_columns', meta={'lookahead_days': 1}) }}

{#
  A step leads from one page or screen of a session to the next, and counts on the day of the next. The one before is at most
  half an hour older, so a row looks back one day: a changed day rebuilds the day after it as well.
#}
with views as (
    select
        event_date,
        source,
        session_id,
        coalesce(page_path, screen_name) as page,
        occurred_at,
        kafka_partition,
        kafka_offset
    from {{ ref('stg_product_events__events') }}
    where
        event_type in ('page_view', 'screen_view')
        and session_id is not null
        and {{ in_window('event_date', lookahead_days=1, lookback_days=1) }}
),

steps as (
    select
        event_date,
        source,
        page,
        lag(page) over (partition by session_id order by occurred_at, source, kafka_partition, kafka_offset) as previous_page,
        lag(occurred_at) over (partition by session_id order by occurred_at, source, kafka_partition, kafka_offset) as previous_at,
        occurred_at
    from views
)

select
    event_date,
    source,
    cast(coalesce(previous_page, '(entry)') as varchar(8192)) as from_page,
    cast(coalesce(page, '(unnamed)') as varchar(8192)) as to_page,
    count(*) as step_count,
    {{ sum_count(seconds_between('previous_at', 'occurred_at')) }} as seconds_sum
from steps
where {{ in_window('event_date', lookahead_days=1) }}
group by 1, 2, 3, 4
