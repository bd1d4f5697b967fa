"""The shop's order lines as `purchase` and `refund` events of source `server`, one an invoice.

Belongs here: the mapping of an invoice. Does not: choice of days (`calendar.py`), batches.
What the lines do not know (browser, payment, reason, category) is null or absent; what is wrong in them stays wrong.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from data_pipeline.devstack.samples.records import SampleRecord, event_id, instant, lines_by_day, shifted, to_bytes

FILE_NAME = "online_retail_2010-12_2011-03.csv.gz"
_COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
_DATE = re.compile(r",(\d{4}-\d{2}-\d{2}) \d{2}:\d{2}:\d{2},")
CURRENCY = "GBP"
"""The publisher's description says that prices are in sterling."""

# The file spells countries in English. The Channel Islands are two countries by ISO 3166: which one, the file does not say.
COUNTRIES: dict[str, str] = {
    "Australia": "AU",
    "Austria": "AT",
    "Bahrain": "BH",
    "Belgium": "BE",
    "Canada": "CA",
    "Cyprus": "CY",
    "Czech Republic": "CZ",
    "Denmark": "DK",
    "EIRE": "IE",
    "Finland": "FI",
    "France": "FR",
    "Germany": "DE",
    "Greece": "GR",
    "Hong Kong": "HK",
    "Iceland": "IS",
    "Israel": "IL",
    "Italy": "IT",
    "Japan": "JP",
    "Lebanon": "LB",
    "Lithuania": "LT",
    "Netherlands": "NL",
    "Norway": "NO",
    "Poland": "PL",
    "Portugal": "PT",
    "Saudi Arabia": "SA",
    "Singapore": "SG",
    "Spain": "ES",
    "Sweden": "SE",
    "Switzerland": "CH",
    "United Arab Emirates": "AE",
    "United Kingdom": "GB",
}


def read_online_retail(source_day: date, day: date) -> Iterator[SampleRecord]:
    """Records of one day of the shop, played on a day of the demo, in the order of the file."""
    numbered = lines_by_day(FILE_NAME, _day_of).get(source_day, [])
    rows = csv.DictReader((line for _, line in numbered), fieldnames=_COLUMNS)
    # One invoice has another between its lines; all its lines are one order.
    invoices: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for (number, _), row in zip(numbered, rows, strict=True):
        invoices.setdefault(row["InvoiceNo"], []).append((number, row))
    for invoice, lines in invoices.items():
        # A few invoices have lines of two minutes; the first line says when the order was placed.
        yield _record(invoice, lines, source_day, day)


def _day_of(line: str) -> date | None:
    found = _DATE.search(line)
    return date.fromisoformat(found[1]) if found else None


def _record(invoice: str, numbered: list[tuple[int, dict[str, str]]], source_day: date, day: date) -> SampleRecord:
    first_number, first = numbered[0]
    lines = [line for _, line in numbered]
    occurred_at = shifted(datetime.fromisoformat(first["InvoiceDate"]), source_day, day)
    is_refund = invoice.startswith("C") or all(int(line["Quantity"]) < 0 for line in lines)
    # Amounts are positive on both types, so a refund's quantities change their sign; nothing else does.
    sign = -1 if is_refund else 1
    total = sum((sign * int(line["Quantity"]) * Decimal(line["UnitPrice"]) for line in lines), Decimal(0))
    # The export wrote customer numbers as fractions: 17850.0.
    customer = first["CustomerID"].removesuffix(".0") or None
    event_type = "refund" if is_refund else "purchase"
    event: dict[str, Any] = {
        "event_id": event_id(FILE_NAME, first_number, day),
        "event_type": event_type,
        "schema_version": 1,
        "source": "server",
        "occurred_at": instant(occurred_at),
        "sent_at": instant(occurred_at),
        "anonymous_id": None,
        "user_id": customer,
        "context": {"app_version": None, "locale": None, "country": COUNTRIES.get(first["Country"]), "os": None, "device_type": None},
        "order": {
            "order_id": invoice,
            "currency": CURRENCY,
            "items": [
                {
                    "product_id": line["StockCode"],
                    "name": line["Description"] or None,
                    "quantity": sign * int(line["Quantity"]),
                    "unit_price": float(line["UnitPrice"]),
                }
                for line in lines
            ],
            "discount": 0,
            "tax": 0,
            "shipping": 0,
            "total": float(total),
        },
    }
    value = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return SampleRecord(to_bytes(value), customer.encode() if customer else None, occurred_at, event_type, len(lines))
