{# Name and category as of the newest line that has them; ties go to the larger event and line, so every run agrees. #}
with named as (
    select
        product_id,
        product_name,
        row_number() over (partition by product_id order by occurred_at desc, order_item_id desc) as position
    from {{ ref('fct_order_items') }}
    where product_name is not null
),

categorised as (
    select
        product_id,
        category,
        row_number() over (partition by product_id order by occurred_at desc, order_item_id desc) as position
    from {{ ref('fct_order_items') }}
    where category is not null
),

products as (
    select
        product_id,
        min(occurred_at) as first_ordered_at,
        max(occurred_at) as last_ordered_at
    from {{ ref('fct_order_items') }}
    group by product_id
)

select
    products.product_id,
    named.product_name,
    categorised.category,
    products.first_ordered_at,
    products.last_ordered_at
from products
left join named on products.product_id = named.product_id and named.position = 1
left join categorised on products.product_id = categorised.product_id and categorised.position = 1
