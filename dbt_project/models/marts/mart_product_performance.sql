{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='event_date', on_schema_change='append_new_columns') }}

with orders as (
    select
        event_id,
        event_date,
        source,
        currency,
        product_id,
        max(product_name) as product_name,
        max(category) as category,
        max(case when event_type = 'purchase' then 1 else 0 end) as is_purchase,
        sum(quantity) as quantity,
        sum(line_amount) as line_amount
    from {{ ref('fct_order_items') }}
    where {{ in_window('event_date') }}
    group by event_id, event_date, source, currency, product_id
)

select
    event_date,
    source,
    product_id,
    currency,
    max(product_name) as product_name,
    max(category) as category,
    {{ count_where('is_purchase = 1') }} as order_count,
    {{ sum_count('case when is_purchase = 1 then quantity end') }} as units_sold,
    {{ sum_money('case when is_purchase = 1 then line_amount end') }} as sales_amount,
    {{ count_where('is_purchase = 0') }} as refund_count,
    {{ sum_count('case when is_purchase = 0 then quantity end') }} as units_refunded,
    {{ sum_money('case when is_purchase = 0 then line_amount end') }} as refunded_amount
from orders
group by event_date, source, product_id, currency
