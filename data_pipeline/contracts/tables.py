"""The tables that the lake and the warehouse hold for product events: the catalogue everything is rendered from.

Belongs here: tables, columns, descriptions. Does not: how rows come about (`transforms/`), DDL (`render.py`).
"""

from __future__ import annotations

from data_pipeline.contracts.columns import Column, ColumnType, Table

_S, _I32, _I64 = ColumnType.STRING, ColumnType.INT32, ColumnType.INT64
_MONEY, _BOOL, _DATE, _AT = ColumnType.MONEY, ColumnType.BOOLEAN, ColumnType.DATE, ColumnType.TIMESTAMP_MS

_LINEAGE = (
    Column("kafka_partition", _I32, "Partition of the record on the source's topic.", False),
    Column("kafka_offset", _I64, "Offset of the record in that partition.", False),
)

_CONTEXT = (
    Column("country", _S, "Country by the client, ISO 3166-1 alpha-2.", max_bytes=2),
    Column("os", _S, "Operating system family.", max_bytes=16),
    Column("device_type", _S, "Kind of device.", max_bytes=16),
)

_CAMPAIGN = (
    Column("campaign_source", _S, "Where the visit came from, such as newsletter.", max_bytes=512),
    Column("campaign_medium", _S, "By which medium, such as email.", max_bytes=512),
    Column("campaign_name", _S, "Name of the campaign.", max_bytes=512),
)

EVENTS = Table(
    name="events",
    description="One row an event, whichever hours it arrived in and however often it was sent.",
    window_column="event_date",
    key=("event_id",),
    columns=(
        Column("event_id", _S, "Identifier set once by the client (UUID).", False, 36),
        Column("event_date", _DATE, "UTC day of occurred_at.", False),
        Column("event_type", _S, "What happened.", False, 32),
        Column("source", _S, "Source that sent it: web, ios, android or server.", False, 32),
        Column("schema_version", _I32, "Version of the contract it was written to.", False),
        Column("occurred_at", _AT, "When it happened, by the client's clock.", False),
        Column("sent_at", _AT, "When the client sent it, by the same clock.", False),
        Column("received_at", _AT, "Kafka's timestamp of the record.", False),
        Column("visitor_id", _S, "anonymous_id, or `user:` and user_id where there is none.", False, 80, "pseudonym"),
        Column("anonymous_id", _S, "Browser or device.", max_bytes=64, pii="pseudonym"),
        Column("user_id", _S, "Account, once known.", max_bytes=64, pii="pseudonym"),
        Column("session_id", _S, "Session that the event belongs to; null where it has no anonymous_id.", max_bytes=64),
        Column("app_version", _S, "Version of the app.", max_bytes=16),
        Column("locale", _S, "Language and region of the client.", max_bytes=8),
        *_CONTEXT,
        Column("user_agent", _S, "User agent of the client.", max_bytes=2048),
        Column("ip", _S, "Truncated network address.", max_bytes=64, pii="network"),
        Column("page_url", _S, "Page that was viewed.", max_bytes=8192),
        Column("page_path", _S, "The page's path, without host, query and fragment.", max_bytes=8192),
        Column("page_title", _S, "Title of the page.", max_bytes=2048),
        Column("page_referrer", _S, "Page that led to it.", max_bytes=8192),
        Column("screen_name", _S, "Screen of the app.", max_bytes=512),
        *_CAMPAIGN,
        Column("search_query", _S, "What was searched for.", max_bytes=1024),
        Column("search_result_count", _I64, "Results that the search had."),
        Column("click_element_id", _S, "Element that was clicked.", max_bytes=512),
        Column("order_id", _S, "Order of a purchase or refund.", max_bytes=64),
        Column("currency", _S, "Currency of the cart or order, ISO 4217.", max_bytes=3),
        Column("item_count", _I64, "Units in the cart or order."),
        Column("items_amount", _MONEY, "Sum of quantity x unit price of the cart or order, in its currency."),
        Column("discount_amount", _MONEY, "Discount of the order."),
        Column("tax_amount", _MONEY, "Tax of the order."),
        Column("shipping_amount", _MONEY, "Shipping of the order."),
        Column("total_amount", _MONEY, "Total of the order; positive on a refund too."),
        Column("payment_method", _S, "How it was paid.", max_bytes=16),
        Column("refund_reason", _S, "Why it came back.", max_bytes=1024),
        Column("duration_ms", _I64, "How long it lasted, as the client measured."),
        *_LINEAGE,
    ),
)

SESSIONS = Table(
    name="sessions",
    description="One row a session: events of one anonymous_id with no gap of 30 minutes or more between neighbours.",
    window_column="session_date",
    key=("session_id",),
    columns=(
        Column("session_id", _S, "Identifier of the session: hash of visitor and start.", False, 64),
        Column("session_date", _DATE, "UTC day on which it began.", False),
        Column("anonymous_id", _S, "Browser or device.", False, 64, "pseudonym"),
        Column("user_id", _S, "First account seen in it.", max_bytes=64, pii="pseudonym"),
        Column("source", _S, "Source of its first event.", False, 32),
        Column("started_at", _AT, "First event.", False),
        Column("ended_at", _AT, "Last event.", False),
        Column("duration_ms", _I64, "From first to last event.", False),
        Column(
            "engaged_ms", _I64, "Sum of the durations that clients measured, at most duration_ms where there is more than one event.", False
        ),
        Column("event_count", _I64, "Events in it.", False),
        Column("page_view_count", _I64, "Pages viewed.", False),
        Column("screen_view_count", _I64, "Screens viewed.", False),
        Column("search_count", _I64, "Searches.", False),
        Column("add_to_cart_count", _I64, "Additions to the cart.", False),
        Column("checkout_count", _I64, "Checkouts started.", False),
        Column("purchase_count", _I64, "Orders placed.", False),
        Column("purchase_amount", _MONEY, "Sum of order totals, where all are in one currency."),
        Column("currency", _S, "Currency of purchase_amount; null where there is none or more than one.", max_bytes=3),
        Column("landing_page", _S, "Path of the first page, or first screen.", max_bytes=8192),
        Column("exit_page", _S, "Path of the last page, or last screen.", max_bytes=8192),
        Column("referrer", _S, "Referrer of the first page.", max_bytes=8192),
        *_CAMPAIGN,
        *_CONTEXT,
        Column("is_bounce", _BOOL, "True where it has one page or screen view at most and no other event.", False),
        Column("is_final", _BOOL, "True once the following day was there when it was built.", False),
    ),
)

ORDER_ITEMS = Table(
    name="order_items",
    description="One row an item line of a purchase or refund.",
    window_column="event_date",
    key=("event_id", "line_number"),
    columns=(
        Column("event_id", _S, "Event of the order.", False, 36),
        Column("line_number", _I32, "Position in the order, from 1.", False),
        Column("event_date", _DATE, "UTC day of occurred_at.", False),
        Column("event_type", _S, "purchase or refund.", False, 32),
        Column("source", _S, "Source that sent it.", False, 32),
        Column("occurred_at", _AT, "When the order happened.", False),
        Column("order_id", _S, "The order.", False, 64),
        Column("currency", _S, "Currency of the amounts.", False, 3),
        Column("product_id", _S, "Product.", False, 64),
        Column("product_name", _S, "Name of the product at that time.", max_bytes=1024),
        Column("category", _S, "Category of the product at that time.", max_bytes=512),
        Column("quantity", _I64, "Units.", False),
        Column("unit_price_amount", _MONEY, "Price of a unit.", False),
        Column("line_amount", _MONEY, "quantity x unit price.", False),
    ),
)

IDENTITIES = Table(
    name="identities",
    description="One row an anonymous_id and user_id that were seen together on a day.",
    window_column="event_date",
    key=("event_date", "anonymous_id", "user_id"),
    columns=(
        Column("event_date", _DATE, "UTC day.", False),
        Column("anonymous_id", _S, "Browser or device.", False, 64, "pseudonym"),
        Column("user_id", _S, "Account.", False, 64, "pseudonym"),
        Column("first_seen_at", _AT, "First event of that day with both.", False),
        Column("last_seen_at", _AT, "Last event of that day with both.", False),
        Column("event_count", _I64, "Events of that day with both.", False),
    ),
)

CONFLICTS = Table(
    name="conflicts",
    description="One row an event that carries the event_id of an earlier one with other content; quarantined as event_id_conflict.",
    window_column="event_date",
    key=("source", "kafka_partition", "kafka_offset"),
    columns=(
        Column("event_date", _DATE, "UTC day of occurred_at.", False),
        Column("event_id", _S, "Identifier that was used before.", False, 36),
        Column("source", _S, "Source that sent it.", False, 32),
        Column("event_type", _S, "What it says happened.", False, 32),
        Column("occurred_at", _AT, "When it says it happened.", False),
        Column("received_at", _AT, "Kafka's timestamp of the record.", False),
        Column("kept_source", _S, "Source of the event that was kept.", False, 32),
        Column("kept_kafka_partition", _I32, "Partition of the event that was kept.", False),
        Column("kept_kafka_offset", _I64, "Offset of the event that was kept.", False),
        *_LINEAGE,
    ),
)

INGEST_HOURS = Table(
    name="ingest_hours",
    description="One row an hour and source: the numbers of the conservation equations, from the manifests.",
    window_column="arrival_date",
    key=("hour_at", "source"),
    columns=(
        Column("arrival_date", _DATE, "UTC day of the hour.", False),
        Column("hour_at", _AT, "Start of the hour.", False),
        Column("source", _S, "Source.", False, 32),
        Column("offset_count", _I64, "End minus start of the offsets, over all Kafka partitions.", False),
        Column("landed_count", _I64, "Records landed.", False),
        Column("control_or_gap_count", _I64, "Offsets without a record: control records, compacted, aborted.", False),
        Column("raw_bytes", _I64, "Bytes of the raw objects.", False),
        Column("staged_count", _I64, "Rows that passed."),
        Column("quarantined_count", _I64, "Rows that were rejected."),
    ),
)

REJECTIONS = Table(
    name="rejections",
    description="One row a rejected row and rule that it broke.",
    window_column="arrival_date",
    key=("source", "kafka_partition", "kafka_offset", "rule"),
    columns=(
        Column("arrival_date", _DATE, "UTC day of arrival.", False),
        Column("hour_at", _AT, "Hour of arrival.", False),
        Column("source", _S, "Source.", False, 32),
        Column("rule", _S, "Rule of the contract that was broken.", False, 64),
        Column("received_at", _AT, "Kafka's timestamp of the record.", False),
        Column("event_type", _S, "What it says happened, where that can be read.", max_bytes=64),
        Column("app_version", _S, "Version of the app, where that can be read.", max_bytes=64),
        Column("value_excerpt", _S, "First 300 characters of the value; null where the row breaks privacy.", max_bytes=1200),
        *_LINEAGE,
    ),
)

LAKE_TABLES: tuple[Table, ...] = (EVENTS, SESSIONS, ORDER_ITEMS, IDENTITIES, CONFLICTS)
"""Tables that Spark writes for each event day."""

AUDIT_TABLES: tuple[Table, ...] = (INGEST_HOURS, REJECTIONS)
"""Tables that are read off manifests and quarantine for each day of arrival."""

WAREHOUSE_TABLES: tuple[Table, ...] = LAKE_TABLES + AUDIT_TABLES
"""All tables that the warehouse holds for product events."""
