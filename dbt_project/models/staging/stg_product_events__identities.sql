select
    event_date,
    anonymous_id,
    user_id,
    first_seen_at,
    last_seen_at,
    event_count
from {{ source('warehouse', 'identities') }}
