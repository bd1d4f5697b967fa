{{ config(materialized='incremental', incremental_strategy='replace_window', unique_key='session_date', on_schema_change='append_new_columns') }}

{#
  Order values stand in the currency of the session's orders: `none` where nothing was bought, `mixed` where the orders
  of one session are in more than one currency, whose value is not added up.
#}
select
    session_date,
    source,
    channel,
    cast(coalesce(campaign_source, '(none)') as varchar(512)) as campaign_source,
    cast(coalesce(campaign_medium, '(none)') as varchar(512)) as campaign_medium,
    cast(coalesce(campaign_name, '(none)') as varchar(512)) as campaign_name,
    cast(coalesce(referrer_host, '(none)') as varchar(512)) as referrer_host,
    cast(case when purchase_count = 0 then 'none' else coalesce(currency, 'mixed') end as varchar(8)) as currency,
    count(*) as session_count,
    {{ count_where('is_bounce') }} as bounce_count,
    {{ count_where('purchase_count > 0') }} as purchasing_session_count,
    {{ sum_count('purchase_count') }} as order_count,
    {{ sum_money('case when currency is not null then purchase_amount end') }} as order_amount
from {{ ref('fct_sessions') }}
where {{ in_window('session_date') }}
group by 1, 2, 3, 4, 5, 6, 7, 8
