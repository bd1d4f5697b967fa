{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='order_date', on_schema_change='append_new_columns') }}

select
    event_id,
    event_date as order_date,
    occurred_at as ordered_at,
    order_id,
    source,
    visitor_id,
    anonymous_id,
    user_id,
    session_id,
    country,
    currency,
    item_count,
    items_amount,
    discount_amount,
    tax_amount,
    shipping_amount,
    total_amount,
    payment_method,
    kafka_partition,
    kafka_offset
from {{ ref('stg_product_events__events') }}
where event_type = 'purchase' and {{ in_window('event_date') }}
