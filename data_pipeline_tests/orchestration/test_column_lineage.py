"""Where a mart's columns come from."""

from __future__ import annotations

from typing import Any

from data_pipeline.orchestration.column_lineage import columns_of

NODES: dict[str, Any] = {
    "source.p.warehouse.events": {"schema": "warehouse", "name": "events", "columns": {"event_id": {}, "total": {}, "day": {}}},
    "model.p.stg": {"schema": "staging", "name": "stg", "columns": {"event_id": {}, "total": {}, "day": {}}},
}


def test_each_column_leads_to_those_it_is_made_of_through_ctes_unions_and_windows() -> None:
    sql = """
        with moved as (
            select day as on_day, total, 1 as sign from "analytics"."staging"."stg"
            union all
            select e.day, e.total, -1 from "analytics"."warehouse"."events" as e
        ), ranked as (select *, row_number() over (partition by on_day order by total) as position from moved)
        select on_day, sum(total * sign) as net, max(case when position = 1 then total end) as least, count(*) as n from ranked group by 1
    """
    found = columns_of(sql, "duckdb", NODES)
    both = [("model.p.stg", "total"), ("source.p.warehouse.events", "total")]
    assert found["net"] == both
    assert found["on_day"] == [("model.p.stg", "day"), ("source.p.warehouse.events", "day")]
    assert set(both) <= set(found["least"])
    assert found["n"] == []
    assert columns_of(sql, "redshift", NODES) == found


def test_sql_that_cannot_be_read_has_no_lineage() -> None:
    assert columns_of("select from where", "duckdb", NODES) == {}
