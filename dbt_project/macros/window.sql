{# The window that the caller asked for: [start_date, end_date), UTC days. Both or neither. #}
{% macro window_is_given() -%}
    {%- if (var('start_date') is none) != (var('end_date') is none) -%}
        {{ exceptions.raise_compiler_error("Give both start_date and end_date (end exclusive), or neither to rebuild all days.") }}
    {%- endif -%}
    {{ return(var('start_date') is not none) }}
{%- endmacro %}

{# A condition on a date column. Days after the window whose rows look back on it are rebuilt too: lookahead_days of them. #}
{% macro window_condition(column, lookahead_days=0, lookback_days=0) -%}
    {%- if window_is_given() -%}
        {{ column }} >= cast('{{ var('start_date') }}' as date) - {{ lookback_days }}
        and {{ column }} < cast('{{ var('end_date') }}' as date) + {{ lookahead_days }}
    {%- else -%}
        1 = 1
    {%- endif -%}
{%- endmacro %}

{# The same inside an incremental model; a first build and a full refresh read everything. #}
{% macro in_window(column, lookahead_days=0, lookback_days=0) -%}
    {%- if is_incremental() -%}
        {{ window_condition(column, lookahead_days, lookback_days) }}
    {%- else -%}
        1 = 1
    {%- endif -%}
{%- endmacro %}

{#
  Incremental strategy `replace_window`: delete the whole window, insert what the model gives, in one transaction.
  dbt's own delete+insert deletes only the days that have new rows: a day that has become empty would keep its old ones.
  The model names its date column as `unique_key`, and `meta.lookahead_days` where its rows look back on earlier days.
#}
{% macro get_incremental_replace_window_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set lookahead_days = config.get('meta', {}).get('lookahead_days', 0) -%}
    delete from {{ arg_dict['target_relation'] }}
    where {{ window_condition(arg_dict['unique_key'], lookahead_days) }};

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }};
{%- endmacro %}

{#
  Lets a data test look at the window only: `where: "in_window(event_date)"`. Whole tables are tested by a build without
  a window.
#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- if where and where.startswith('in_window(') -%}
        {%- set where = window_condition(where | replace('in_window(', '') | replace(')', '')) -%}
    {%- endif -%}
    {%- if where -%}
        (select * from {{ relation }} where {{ where }}) dbt_subquery
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}
