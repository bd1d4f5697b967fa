-- depends_on: {{ ref("stg_product_events__ingest_hours") }}
{# A calendar needs no input; the dependency gives every model one root, so that a backfill from the topics on is one request. #}
with digits as (
    {% for digit in range(10) -%}
    select {{ digit }} as digit{{ ' union all' if not loop.last }}
    {% endfor %}
),

numbers as (
    select thousands.digit * 1000 + hundreds.digit * 100 + tens.digit * 10 + ones.digit as number
    from digits as thousands
    cross join digits as hundreds
    cross join digits as tens
    cross join digits as ones
),

days as (
    select cast('{{ var('dates_from') }}' as date) + number as date_day
    from numbers
    where cast('{{ var('dates_from') }}' as date) + number < cast('{{ var('dates_until') }}' as date)
),

parts as (
    select
        date_day,
        cast(extract(year from date_day) as integer) as year_number,
        cast(extract(quarter from date_day) as integer) as quarter_number,
        cast(extract(month from date_day) as integer) as month_number,
        cast(extract(day from date_day) as integer) as day_of_month,
        {{ week_start('date_day') }} as week_start_date,
        {{ month_start('date_day') }} as month_start_date
    from days
)

select
    date_day,
    year_number,
    quarter_number,
    month_number,
    day_of_month,
    week_start_date,
    month_start_date,
    cast(date_day - week_start_date as integer) + 1 as day_of_week,
    date_day - week_start_date >= 5 as is_weekend
from parts
