{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='event_date', on_schema_change='append_new_columns') }}

select
    cast(event_id || '-' || cast(line_number as varchar(8)) as varchar(64)) as order_item_id,
    event_id,
    line_number,
    event_date,
    event_type,
    source,
    occurred_at,
    order_id,
    currency,
    product_id,
    product_name,
    category,
    quantity,
    unit_price_amount,
    line_amount
from {{ ref('stg_product_events__order_items') }}
where {{ in_window('event_date') }}
