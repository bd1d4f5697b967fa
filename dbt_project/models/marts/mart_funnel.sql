{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='session_date', on_schema_change='append_new_columns') }}

select
    session_date,
    source,
    cast(coalesce(device_type, 'unknown') as varchar(16)) as device_type,
    count(*) as session_count,
    {{ count_where('has_viewed') }} as viewed_session_count,
    {{ count_where('has_added_to_cart') }} as cart_session_count,
    {{ count_where('has_checked_out') }} as checkout_session_count,
    {{ count_where('has_purchased') }} as purchase_session_count
from {{ ref('fct_sessions') }}
where {{ in_window('session_date') }}
group by 1, 2, 3
