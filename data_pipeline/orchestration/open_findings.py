"""Error findings block the day: a day is not built of hours that have errors which nobody accepted.

Belongs here: the sentence that stops a day. Does not: finding (`validation/history`), accepting (`commands/accept.py`).
"""

from datetime import date

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.windows import hours_of_day
from data_pipeline.orchestration.platform import Dataset, Platform
from data_pipeline.validation.history import Window, open_errors

_SHOWN = 3


def require_no_open_errors(platform: Platform, dataset: Dataset, day: date) -> None:
    """Stop a day whose hours of arrival have errors that stand.

    Hours that arrived later and hold a few late rows of the day do not stop it: they stop their own day.

    Raises:
        PermanentError: naming source, hour and finding, and how to accept.
    """
    windows = [(source, Window(hour.start, False)) for hour in hours_of_day(day) for source in dataset.source_names]
    found = open_errors(platform.store, windows)
    if not found:
        return
    shown = [f"{source} {window}: {errors[0].message}" for (source, window), errors in list(found.items())[:_SHOWN]]
    more = f" … and {len(found) - _SHOWN} more hours." if len(found) > _SHOWN else ""
    source, window = next(iter(found))
    raise PermanentError(
        f"{day} is not built: {len(found)} of its hours have error findings that nobody accepted. {' '.join(shown)}{more} "
        f"Validate corrected data, or accept with `data-pipeline accept --source {source} --window {window} --reason …`, "
        "then build the day again."
    )
