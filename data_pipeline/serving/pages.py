"""The list of pages, in the order of the menu.

Belongs here: names, titles, questions, marts. Does not: what a page draws (`views/`).
"""

from __future__ import annotations

from data_pipeline.serving.page import Page
from data_pipeline.serving.views import (
    acquisition,
    active_users,
    data_quality,
    event_volume,
    funnel,
    products,
    retention,
    revenue,
    search,
    sessions,
)

TRAFFIC, GROWTH, COMMERCE, TRUST = "Traffic", "Growth", "Commerce", "Trust"

PAGES: tuple[Page, ...] = (
    Page(
        "event_volume",
        "Event volume",
        ":material/bar_chart:",
        "How many events arrive, of which kind, from which source and when?",
        TRAFFIC,
        ("mart_event_volume",),
        event_volume.render,
    ),
    Page(
        "sessions",
        "Sessions",
        ":material/schedule:",
        "How many sessions are there, how long, on which devices and from where?",
        TRAFFIC,
        ("mart_sessions",),
        sessions.render,
    ),
    Page(
        "active_users",
        "Active users",
        ":material/group:",
        "How many visitors and accounts are active by day, week and month?",
        TRAFFIC,
        ("mart_active_users",),
        active_users.render,
    ),
    Page(
        "acquisition",
        "Acquisition",
        ":material/campaign:",
        "Which campaigns and referrers bring sessions and orders?",
        GROWTH,
        ("mart_acquisition",),
        acquisition.render,
    ),
    Page(
        "retention",
        "Retention",
        ":material/grid_on:",
        "How many visitors of a week come back in the weeks after?",
        GROWTH,
        ("mart_retention_cohorts",),
        retention.render,
    ),
    Page(
        "funnel",
        "Funnel",
        ":material/filter_alt:",
        "Where do sessions stop on the way from view to purchase?",
        GROWTH,
        ("mart_funnel",),
        funnel.render,
    ),
    Page(
        "revenue",
        "Revenue",
        ":material/payments:",
        "What was ordered and refunded, by day and currency?",
        COMMERCE,
        ("mart_revenue",),
        revenue.render,
    ),
    Page(
        "products",
        "Products",
        ":material/inventory_2:",
        "Which products sell, and which come back?",
        COMMERCE,
        ("mart_product_performance", "dim_products"),
        products.render,
    ),
    Page(
        "search",
        "Search",
        ":material/search:",
        "What do people search for without finding anything?",
        COMMERCE,
        ("mart_search_without_result",),
        search.render,
    ),
    Page(
        "data_quality",
        "Data quality",
        ":material/verified:",
        "Is everything that Kafka held here, and what was rejected, why?",
        TRUST,
        ("mart_data_quality", "mart_quarantine"),
        data_quality.render,
    ),
)
