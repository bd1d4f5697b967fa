{# What DuckDB and Redshift say differently, or alike only when it is said like this. #}

{# Seconds from one timestamp to another, by boundaries crossed; the quoted datepart is understood by all. #}
{% macro seconds_between(earlier, later) -%}
    cast(datediff('second', {{ earlier }}, {{ later }}) as bigint)
{%- endmacro %}

{# Monday of the week of a date or timestamp. #}
{% macro week_start(column) -%}
    cast(date_trunc('week', {{ column }}) as date)
{%- endmacro %}

{# First day of the month of a date or timestamp. #}
{% macro month_start(column) -%}
    cast(date_trunc('month', {{ column }}) as date)
{%- endmacro %}

{# Host of a URL, lower case; null where there is none. #}
{% macro url_host(column) -%}
    nullif(lower(split_part(split_part(split_part({{ column }}, '://', 2), '/', 1), '?', 1)), '')
{%- endmacro %}

{# Distinct text values of a group, sorted, each between bars: `|ios|web|`. Nulls are left out; null where there are only nulls. #}
{% macro barred_list(expression) -%}
    {{ return(adapter.dispatch('barred_list', 'data_pipeline')(expression)) }}
{%- endmacro %}

{% macro default__barred_list(expression) -%}
    '|' || string_agg({{ expression }}, '|' order by {{ expression }}) || '|'
{%- endmacro %}

{% macro redshift__barred_list(expression) -%}
    '|' || listagg({{ expression }}, '|') within group (order by {{ expression }}) || '|'
{%- endmacro %}

{# Count the rows that meet a condition. #}
{% macro count_where(condition) -%}
    cast(coalesce(sum(case when {{ condition }} then 1 else 0 end), 0) as bigint)
{%- endmacro %}

{# Sum of integers as bigint, of money as decimal(38, 4); 0 for no rows. #}
{% macro sum_count(expression) -%}
    cast(coalesce(sum({{ expression }}), 0) as bigint)
{%- endmacro %}

{% macro sum_money(expression) -%}
    cast(coalesce(sum({{ expression }}), 0) as decimal(38, 4))
{%- endmacro %}
