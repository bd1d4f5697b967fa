"""The access log as `page_view` events of source `web`, one a line.

Belongs here: the mapping of a line. Does not: choice of days (`calendar.py`), batches.
What a log does not know (account, title, country, language, duration) is null or absent.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from data_pipeline.devstack.samples.records import SampleRecord, event_id, instant, lines_by_day, shifted, to_bytes

FILE_NAME = "web_access_2015-05.log.gz"
SITE = "http://semicomplete.com"
"""A log names no host: it is the site's own, as its pages name it among the referrers."""

_LINE = re.compile(r'(\S+) \S+ \S+ \[([^\]]+)\] "([A-Z]+) (\S+) [^"]*" \d{3} \S+ "(.*?)" "(.*)"')
_TIME = re.compile(r"\[([^\]]+)\]")
_TIME_FORMAT = "%d/%b/%Y:%H:%M:%S +0000"
_SYSTEMS = (
    ("windows", re.compile("Windows")),
    ("ios", re.compile("iPhone|iPad|iPod")),
    ("android", re.compile("Android")),
    ("macos", re.compile("Macintosh|Mac OS X")),
    ("linux", re.compile("Linux|X11")),
)
_DEVICES = (
    ("bot", re.compile("bot|crawl|spider|slurp|feed|fetch|archiver|monitor|rss", re.IGNORECASE)),
    ("tablet", re.compile("iPad|Tablet")),
    ("mobile", re.compile("Mobile|iPhone|iPod|Phone")),
    ("desktop", re.compile("Windows|Macintosh|X11")),
)


def read_access_log(source_day: date, day: date) -> Iterator[SampleRecord]:
    """Records of one day of the log, played on a day of the demo, in the order of the file."""
    moment = datetime(source_day.year, source_day.month, source_day.day)
    for number, line in lines_by_day(FILE_NAME, _day_of).get(source_day, []):
        # A line without a readable time came when the line before it came.
        moment = _time_of(line) or moment
        yield _record(line, number, shifted(moment, source_day, day), day)


def _day_of(line: str) -> date | None:
    moment = _time_of(line)
    return moment.date() if moment else None


def _time_of(line: str) -> datetime | None:
    found = _TIME.search(line)
    try:
        return datetime.strptime(found[1], _TIME_FORMAT) if found else None
    except ValueError:
        return None


def _record(line: str, number: int, occurred_at: datetime, day: date) -> SampleRecord:
    found = _LINE.fullmatch(line)
    if found is None:
        # A shipper that cannot read a line passes it on; the contract's rule `json` catches it.
        return SampleRecord(to_bytes(line), None, occurred_at, None, 1)
    address, _, _, target, referrer, agent = found.groups()
    visitor = "log_" + hashlib.blake2b(to_bytes(f"{address} {agent}"), digest_size=10).hexdigest()
    user_agent = None if agent == "-" else agent
    event: dict[str, Any] = {
        "event_id": event_id(FILE_NAME, number, day),
        "event_type": "page_view",
        "schema_version": 1,
        "source": "web",
        "occurred_at": instant(occurred_at),
        "sent_at": instant(occurred_at),
        "anonymous_id": visitor,
        "user_id": None,
        "context": {
            "app_version": None,
            "locale": None,
            "country": None,
            "os": _first_match(_SYSTEMS, user_agent),
            "device_type": _first_match(_DEVICES, user_agent),
            "user_agent": user_agent,
            "ip": ".".join(address.split(".")[:3]) + ".0" if address.count(".") == 3 else None,
        },
        "page": {
            "url": SITE + target if target.startswith("/") else target,
            "title": None,
            "referrer": None if referrer == "-" else referrer,
        },
    }
    value = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return SampleRecord(to_bytes(value), visitor.encode(), occurred_at, "page_view", 1)


def _first_match(patterns: tuple[tuple[str, re.Pattern[str]], ...], text: str | None) -> str | None:
    return next((name for name, pattern in patterns if pattern.search(text)), None) if text else None
