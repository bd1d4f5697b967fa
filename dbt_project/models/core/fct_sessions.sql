{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='session_date', on_schema_change='append_new_columns') }}

with sessions as (
    select
        *,
        {{ url_host('referrer') }} as referrer_host
    from {{ ref('stg_product_events__sessions') }}
    where {{ in_window('session_date') }}
)

select
    session_id,
    session_date,
    anonymous_id,
    user_id,
    source,
    started_at,
    ended_at,
    duration_ms,
    engaged_ms,
    event_count,
    page_view_count,
    screen_view_count,
    search_count,
    add_to_cart_count,
    checkout_count,
    purchase_count,
    purchase_amount,
    currency,
    landing_page,
    exit_page,
    referrer,
    cast(referrer_host as varchar(512)) as referrer_host,
    campaign_source,
    campaign_medium,
    campaign_name,
    cast(
        case
            when campaign_source is not null then 'campaign'
            when referrer_host is not null then 'referral'
            else 'direct'
        end as varchar(16)
    ) as channel,
    country,
    os,
    device_type,
    is_bounce,
    is_final,
    -- A step is reached only by a session that also reached the steps before it.
    page_view_count + screen_view_count > 0 as has_viewed,
    page_view_count + screen_view_count > 0 and add_to_cart_count > 0 as has_added_to_cart,
    page_view_count + screen_view_count > 0 and add_to_cart_count > 0 and checkout_count > 0 as has_checked_out,
    page_view_count + screen_view_count > 0
    and add_to_cart_count > 0
    and checkout_count > 0
    and purchase_count > 0 as has_purchased
from sessions
