"""Revenue and refunds, products, search. Amounts are always of one currency.

Belongs here: queries of those pages. Does not: their charts (`views/`).
"""

from __future__ import annotations

from data_pipeline.serving.filters import Filters
from data_pipeline.serving.queries.building import query, total
from data_pipeline.serving.reader import Query

_REVENUE, _PRODUCTS, _SEARCH = ("mart_revenue",), ("mart_product_performance", "dim_products"), ("mart_search_without_result",)


def revenue_by_currency(filters: Filters) -> Query:
    """One row a currency, most orders first."""
    return query(
        f"""
select currency, {_money()}
from mart_revenue
where {{chosen}}
group by currency
order by orders desc, currency
""",
        filters,
        _REVENUE,
        "revenue_date",
    )


def revenue_by_day(filters: Filters, currency: str) -> Query:
    """A currency's orders and refunds by day and source."""
    return query(
        f"""
select revenue_date, source, {_money()}
from mart_revenue
where {{chosen}} and currency = :currency
group by revenue_date, source
order by revenue_date, source
""",
        filters,
        _REVENUE,
        "revenue_date",
        currency=currency,
    )


def products(filters: Filters, currency: str, limit: int = 200) -> Query:
    """A currency's products by sales, with the newest name that is known."""
    return query(
        f"""
select sales.product_id, coalesce(dim_products.product_name, sales.product_name, sales.product_id) as product_name,
    coalesce(dim_products.category, sales.category) as category, orders, units_sold, sales_amount, refunds, units_refunded, refunded_amount
from (
    select product_id, max(product_name) as product_name, max(category) as category, {total("order_count")} as orders,
        {total("units_sold")} as units_sold, sum(sales_amount) as sales_amount, {total("refund_count")} as refunds,
        {total("units_refunded")} as units_refunded, sum(refunded_amount) as refunded_amount
    from mart_product_performance
    where {{chosen}} and currency = :currency
    group by product_id
) as sales
left join dim_products on dim_products.product_id = sales.product_id
order by sales_amount desc, refunded_amount desc, sales.product_id
limit {limit}
""",
        filters,
        _PRODUCTS,
        "event_date",
        currency=currency,
    )


def product_totals(filters: Filters) -> Query:
    """One row a currency: how many products moved, and units."""
    return query(
        f"""
select currency, count(distinct product_id) as products, {total("units_sold")} as units_sold, {total("units_refunded")} as units_refunded,
    sum(sales_amount) as sales_amount, sum(refunded_amount) as refunded_amount
from mart_product_performance
where {{chosen}}
group by currency
order by units_sold desc, currency
""",
        filters,
        ("mart_product_performance",),
        "event_date",
    )


def searches_by_day(filters: Filters) -> Query:
    """Searches by day and source, and those that found nothing."""
    return query(
        f"""
select event_date, source, {_searches()}
from mart_search_without_result
where {{chosen}}
group by event_date, source
order by event_date, source
""",
        filters,
        _SEARCH,
        "event_date",
    )


def terms_without_result(filters: Filters, limit: int = 100) -> Query:
    """Terms that found nothing, most frequent first."""
    return query(
        f"""
select search_term, {_searches()}
from mart_search_without_result
where {{chosen}}
group by search_term
having sum(search_without_result_count) > 0
order by without_result desc, searches desc, search_term
limit {limit}
""",
        filters,
        _SEARCH,
        "event_date",
    )


def _money() -> str:
    amounts = ("items", "discount", "tax", "shipping", "order", "refund", "net")
    sums = ", ".join(f"sum({name}_amount) as {name}_amount" for name in amounts)
    return f"{total('order_count')} as orders, {total('item_count')} as units, {total('refund_count')} as refunds, {sums}"


def _searches() -> str:
    return (
        f"{total('search_count')} as searches, {total('search_without_result_count')} as without_result, "
        f"{total('result_count_sum')} as results"
    )
