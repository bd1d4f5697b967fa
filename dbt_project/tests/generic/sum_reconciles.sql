{# The sum of a column, day by day, equals the sum of an expression over another model. `1` counts rows. #}
{% test sum_reconciles(model, column_name, day_column, to_model, to_expression, to_day_column, to_condition='1 = 1') %}
with ours as (
    select {{ day_column }} as on_day, sum({{ column_name }}) as total
    from {{ model }}
    group by 1
),

theirs as (
    select {{ to_day_column }} as on_day, sum({{ to_expression }}) as total
    from {{ to_model }}
    where {{ to_condition }} and {{ window_condition(to_day_column) }}
    group by 1
),

days as (
    select on_day from ours
    union
    select on_day from theirs
)

select days.on_day, ours.total as our_total, theirs.total as their_total
from days
left join ours on days.on_day = ours.on_day
left join theirs on days.on_day = theirs.on_day
where coalesce(ours.total, 0) <> coalesce(theirs.total, 0)
{% endtest %}
