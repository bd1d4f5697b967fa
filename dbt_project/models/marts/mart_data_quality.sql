{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='arrival_date', on_schema_change='append_new_columns') }}

with rejections as (
    select
        arrival_date,
        hour_at,
        source,
        count(*) as broken_rule_count,
        count(distinct rule) as distinct_rule_count
    from {{ ref('stg_product_events__rejections') }}
    where {{ in_window('arrival_date') }}
    group by arrival_date, hour_at, source
),

hours as (
    select *
    from {{ ref('stg_product_events__ingest_hours') }}
    where {{ in_window('arrival_date') }}
)

select
    hours.arrival_date,
    hours.hour_at,
    hours.source,
    hours.offset_count,
    hours.landed_count,
    hours.control_or_gap_count,
    hours.raw_bytes,
    coalesce(hours.staged_count, 0) as staged_count,
    coalesce(hours.quarantined_count, 0) as quarantined_count,
    hours.staged_count is not null and hours.quarantined_count is not null as is_validated,
    hours.offset_count - hours.landed_count - hours.control_or_gap_count as landing_difference,
    case
        when hours.staged_count is null or hours.quarantined_count is null then 0
        else hours.landed_count - hours.staged_count - hours.quarantined_count
    end as validation_difference,
    cast(coalesce(rejections.broken_rule_count, 0) as bigint) as broken_rule_count,
    cast(coalesce(rejections.distinct_rule_count, 0) as bigint) as distinct_rule_count
from hours
left join rejections
    on hours.arrival_date = rejections.arrival_date
    and hours.hour_at = rejections.hour_at
    and hours.source = rejections.source
