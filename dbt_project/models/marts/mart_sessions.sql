{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='session_date', on_schema_change='append_new_columns') }}

select
    session_date,
    source,
    cast(coalesce(device_type, 'unknown') as varchar(16)) as device_type,
    cast(coalesce(country, 'unknown') as varchar(16)) as country,
    cast(coalesce(os, 'unknown') as varchar(16)) as os,
    count(*) as session_count,
    {{ count_where('is_bounce') }} as bounce_count,
    {{ count_where('purchase_count > 0') }} as purchasing_session_count,
    {{ count_where('user_id is not null') }} as signed_in_session_count,
    {{ count_where('not is_final') }} as open_session_count,
    {{ sum_count('duration_ms') }} as duration_ms_sum,
    {{ sum_count('engaged_ms') }} as engaged_ms_sum,
    {{ sum_count('event_count') }} as event_count,
    {{ sum_count('page_view_count') }} as page_view_count,
    {{ sum_count('screen_view_count') }} as screen_view_count,
    {{ sum_count('search_count') }} as search_count
from {{ ref('fct_sessions') }}
where {{ in_window('session_date') }}
group by 1, 2, 3, 4, 5
