{# A visitor or user belongs to the source of the first event; of two sources at the same instant, to the first by name. #}
with ranked as (
    select
        actor_kind,
        actor_id,
        source,
        first_event_at,
        row_number() over (partition by actor_kind, actor_id order by first_event_at, source) as position
    from {{ ref('int_actor_days') }}
)

select
    actor_kind,
    actor_id,
    source as first_source,
    first_event_at as first_seen_at,
    cast(first_event_at as date) as first_seen_date
from ranked
where position = 1
