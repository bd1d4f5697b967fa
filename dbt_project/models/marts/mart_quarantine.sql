{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='arrival_date', on_schema_change='append_new_columns') }}

with rejections as (
    select
        arrival_date,
        hour_at,
        source,
        rule,
        coalesce(event_type, 'unknown') as event_type,
        coalesce(app_version, 'unknown') as app_version,
        value_excerpt,
        kafka_partition,
        kafka_offset
    from {{ ref('stg_product_events__rejections') }}
    where {{ in_window('arrival_date') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by hour_at, source, rule, event_type, app_version
            order by kafka_partition, kafka_offset
        ) as position
    from rejections
)

select
    arrival_date,
    hour_at,
    source,
    rule,
    cast(event_type as varchar(64)) as event_type,
    cast(app_version as varchar(64)) as app_version,
    count(*) as rejected_count,
    max(case when position = 1 then value_excerpt end) as example_value,
    max(case when position = 1 then kafka_partition end) as example_kafka_partition,
    max(case when position = 1 then kafka_offset end) as example_kafka_offset
from ranked
group by 1, 2, 3, 4, 5, 6
