{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='event_date', on_schema_change='append_new_columns') }}

with searches as (
    select
        event_date,
        source,
        lower(trim(search_query)) as search_term,
        search_result_count
    from {{ ref('stg_product_events__events') }}
    where event_type = 'search' and search_query is not null and {{ in_window('event_date') }}
)

select
    event_date,
    source,
    cast(search_term as varchar(1024)) as search_term,
    count(*) as search_count,
    {{ count_where('search_result_count = 0') }} as search_without_result_count,
    {{ sum_count('search_result_count') }} as result_count_sum
from searches
group by event_date, source, search_term
