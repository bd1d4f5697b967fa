{# A view: the load has already deduplicated and replaced whole days, so a copy would add cost and nothing else. #}
{{ config(materialized='view') }}

select
    events.event_id,
    events.event_date,
    cast(date_trunc('hour', events.occurred_at) as timestamp) as hour_at,
    events.event_type,
    events.source,
    events.schema_version,
    events.occurred_at,
    events.sent_at,
    events.received_at,
    {{ seconds_between('events.occurred_at', 'events.received_at') }} as delivery_s,
    events.visitor_id,
    events.anonymous_id,
    events.user_id,
    -- Whose event it was: the account in it, or that which the browser or device belonged to then, or soon after.
    coalesce(events.user_id, visitors.user_id) as attributed_user_id,
    events.session_id,
    events.app_version,
    events.locale,
    events.country,
    events.os,
    events.device_type,
    events.page_path,
    events.page_title,
    events.page_referrer,
    events.screen_name,
    events.campaign_source,
    events.campaign_medium,
    events.campaign_name,
    events.search_query,
    events.search_result_count,
    events.click_element_id,
    events.order_id,
    events.currency,
    events.item_count,
    events.items_amount,
    events.total_amount,
    events.duration_ms,
    events.kafka_partition,
    events.kafka_offset
from {{ ref('stg_product_events__events') }} as events
left join {{ ref('dim_visitors') }} as visitors
    on events.anonymous_id = visitors.anonymous_id
    and events.occurred_at >= visitors.attributed_from
    and (visitors.valid_to is null or events.occurred_at < visitors.valid_to)
