{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='activity_date', on_schema_change='append_new_columns', meta={'lookahead_days': 30}) }}

{#
  A visitor who uses two sources must not count twice, whichever sources a reader selects. So each is counted once, under
  the combination of sources that it used in the period: the distinct number for a selection is the sum over the
  combinations that contain any of it. A row looks back 30 days at most, hence a changed day rebuilds the 30 days after it.
#}
{%- set periods = ['day', 'rolling_7d', 'rolling_28d', 'week_to_date', 'month_to_date'] %}

with actor_days as (
    select
        activity_date,
        actor_kind,
        actor_id,
        source
    from {{ ref('int_actor_days') }}
    where {{ in_window('activity_date', lookahead_days=30, lookback_days=30) }}
),

reported_days as (
    select distinct activity_date as reported_date
    from actor_days
    where {{ in_window('activity_date', lookahead_days=30) }}
),

last_active as (
    select
        reported_days.reported_date,
        actor_days.actor_kind,
        actor_days.actor_id,
        actor_days.source,
        max(actor_days.activity_date) as last_active_date
    from reported_days
    inner join actor_days
        on reported_days.reported_date >= actor_days.activity_date
        and reported_days.reported_date - 30 <= actor_days.activity_date
    group by 1, 2, 3, 4
),

combinations as (
    select
        reported_date,
        actor_kind,
        actor_id,
        {{ barred_list("case when last_active_date = reported_date then source end") }} as day_sources,
        {{ barred_list("case when last_active_date > reported_date - 7 then source end") }} as rolling_7d_sources,
        {{ barred_list("case when last_active_date > reported_date - 28 then source end") }} as rolling_28d_sources,
        {{ barred_list("case when last_active_date >= " ~ week_start('reported_date') ~ " then source end") }} as week_to_date_sources,
        {{ barred_list("case when last_active_date >= " ~ month_start('reported_date') ~ " then source end") }} as month_to_date_sources
    from last_active
    group by reported_date, actor_kind, actor_id
),

counted as (
    {% for period in periods -%}
    select
        reported_date,
        {{ period }}_sources as source_combination,
        actor_kind,
        '{{ period }}' as period,
        count(*) as actor_count
    from combinations
    where {{ period }}_sources is not null
    group by 1, 2, 3
    {{ 'union all' if not loop.last }}
    {% endfor -%}
)

select
    reported_date as activity_date,
    cast(source_combination as varchar(512)) as source_combination,
    {% for kind in ['visitor', 'user'] -%}
    {% for period in periods -%}
    {{ sum_count("case when actor_kind = '" ~ kind ~ "' and period = '" ~ period ~ "' then actor_count end") }} as active_{{ kind }}s_{{ period }}{{ ',' if not (loop.last and kind == 'user') }}
    {% endfor -%}
    {% endfor %}
from counted
group by reported_date, source_combination
