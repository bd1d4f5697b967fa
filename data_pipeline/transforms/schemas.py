"""Spark's types of what is read (staged rows) and written (tables of the catalogue).

Belongs here: StructTypes. Does not: reading or writing.
"""

from __future__ import annotations

import json
from functools import cache

from pyspark.sql.types import StructType

from data_pipeline.contracts.columns import Table
from data_pipeline.contracts.render import spark_json

_ITEM = "struct<product_id: string, name: string, category: string, quantity: bigint, unit_price: double>"

STAGED_DDL = f"""
event_id string, event_type string, schema_version int, source string, occurred_at timestamp, sent_at timestamp,
anonymous_id string, user_id string,
context struct<app_version: string, locale: string, country: string, os: string, device_type: string, user_agent: string, ip: string>,
page struct<url: string, title: string, referrer: string>,
screen struct<name: string>,
campaign struct<source: string, medium: string, name: string>,
search struct<query: string, result_count: bigint>,
click struct<element_id: string>,
cart struct<currency: string, items: array<{_ITEM}>>,
order struct<order_id: string, currency: string, items: array<{_ITEM}>, discount: double, tax: double, shipping: double,
  total: double, payment_method: string, refund_reason: string>,
duration_ms bigint,
content_hash string, received_at timestamp, kafka_partition int, kafka_offset bigint
"""
"""Columns of `staged` that the transforms read; a file may lack a nullable one, or hold more."""


@cache
def staged_schema() -> StructType:
    """The type of a staged row."""
    return StructType.fromDDL(STAGED_DDL)


@cache
def table_schema(table: Table) -> StructType:
    """The type of a row of a lake table."""
    return StructType.fromJson(json.loads(spark_json(table)))
