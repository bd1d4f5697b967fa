{# Rows that do not meet a condition; a condition that is null counts as not met. #}
{% test is_true(model, condition) %}
select *
from {{ model }}
where not coalesce(({{ condition }}), false)
{% endtest %}
