{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='revenue_date', on_schema_change='append_new_columns') }}

{# Orders count on the day they were placed, refunds on the day they were given, so a day never changes because of a later one. #}
with movements as (
    select
        order_date as revenue_date,
        source,
        currency,
        1 as order_count,
        item_count,
        items_amount,
        discount_amount,
        tax_amount,
        shipping_amount,
        total_amount as order_amount,
        0 as refund_count,
        cast(0 as decimal(18, 4)) as refund_amount
    from {{ ref('fct_orders') }}
    where {{ in_window('order_date') }}
    union all
    select
        refund_date as revenue_date,
        source,
        currency,
        0 as order_count,
        0 as item_count,
        cast(0 as decimal(18, 4)) as items_amount,
        cast(0 as decimal(18, 4)) as discount_amount,
        cast(0 as decimal(18, 4)) as tax_amount,
        cast(0 as decimal(18, 4)) as shipping_amount,
        cast(0 as decimal(18, 4)) as order_amount,
        1 as refund_count,
        total_amount as refund_amount
    from {{ ref('fct_refunds') }}
    where {{ in_window('refund_date') }}
)

select
    revenue_date,
    source,
    currency,
    {{ sum_count('order_count') }} as order_count,
    {{ sum_count('item_count') }} as item_count,
    {{ sum_money('items_amount') }} as items_amount,
    {{ sum_money('discount_amount') }} as discount_amount,
    {{ sum_money('tax_amount') }} as tax_amount,
    {{ sum_money('shipping_amount') }} as shipping_amount,
    {{ sum_money('order_amount') }} as order_amount,
    {{ sum_count('refund_count') }} as refund_count,
    {{ sum_money('refund_amount') }} as refund_amount,
    {{ sum_money('order_amount - refund_amount') }} as net_amount
from movements
group by revenue_date, source, currency
