select
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
from {{ source('warehouse', 'order_items') }}
