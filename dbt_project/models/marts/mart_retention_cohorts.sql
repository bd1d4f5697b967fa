{#
  A cohort is the visitors first seen in a week on a source; activity on any source keeps them. The grid is dense: a week
  in which nobody of a cohort came back has a row with 0, so that cohort sizes can be summed over cohorts and sources.
#}
with first_seen as (
    select
        actor_id,
        first_source,
        {{ week_start('first_seen_date') }} as cohort_week
    from {{ ref('int_first_seen') }}
    where actor_kind = 'visitor'
),

active_weeks as (
    select distinct
        actor_id,
        {{ week_start('activity_date') }} as active_week
    from {{ ref('int_actor_days') }}
    where actor_kind = 'visitor'
),

newest as (
    select max(activity_date) as newest_date
    from {{ ref('int_actor_days') }}
),

cohorts as (
    select
        cohort_week,
        first_source,
        count(*) as cohort_visitor_count
    from first_seen
    group by cohort_week, first_source
),

weeks as (
    select distinct dates.week_start_date
    from {{ ref('dim_dates') }} as dates
    cross join newest
    where dates.date_day <= newest.newest_date
),

grid as (
    select
        cohorts.cohort_week,
        cohorts.first_source,
        cohorts.cohort_visitor_count,
        weeks.week_start_date as active_week
    from cohorts
    inner join weeks on cohorts.cohort_week <= weeks.week_start_date
),

retained as (
    select
        first_seen.cohort_week,
        first_seen.first_source,
        active_weeks.active_week,
        count(*) as active_visitor_count
    from first_seen
    inner join active_weeks on first_seen.actor_id = active_weeks.actor_id
    group by 1, 2, 3
)

select
    grid.cohort_week,
    grid.first_source as source,
    cast((grid.active_week - grid.cohort_week) / 7 as integer) as weeks_since_first,
    grid.active_week,
    cast(grid.cohort_visitor_count as bigint) as cohort_visitor_count,
    cast(coalesce(retained.active_visitor_count, 0) as bigint) as active_visitor_count,
    grid.active_week + 6 <= newest.newest_date as is_complete_week
from grid
cross join newest
left join retained
    on grid.cohort_week = retained.cohort_week
    and grid.first_source = retained.first_source
    and grid.active_week = retained.active_week
