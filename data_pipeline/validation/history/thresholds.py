"""Thresholds of all checks over windows, in one place; `docs/findings.md` is rendered from it.

Belongs here: numbers that decide, with the reason for them. Does not: the tests that use them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FALSE_POSITIVE_RATE = 0.01
"""Share of clean windows that may carry a warning or an error, over all checks together; what the numbers below were set for."""

MIN_WINDOWS = 5
"""Comparable windows that a history needs before it judges."""
SHORT_WINDOWS = 3
"""From so many windows on, and below MIN_WINDOWS, gross changes alone are looked for."""
SHORT_CHANGE = 0.20
"""Change of a share, in points of 1, that is gross."""
OTHER_HOURS_WIDER = 4.0
"""Factor on the dispersion where an hour is compared with other hours of the day; such findings are warnings at most."""
MAX_DAYS = 56
"""Days back that a history reaches."""
SAME_KIND_WINDOWS = 4
"""Windows of the same weekday or kind of day from which on only those are compared."""

CHECK_ALPHA = 0.001
"""Chance that a clean window gets a finding of one check; divided by the number of shares that the check looks at."""
MIX_Z = 6.0
"""Score of all shares of a field together, where none is sure alone."""
LARGE_CHANGE = 0.05
"""Change of a share, in points of 1, that matters whatever its odds were."""
Z_ERROR = 6.0
"""Standard deviations beyond which a change may be an error."""

PRIOR_DEGREES = 30.0
"""Degrees of freedom that the prior of a dispersion counts for, beside those of the history itself."""
PRIOR_DISPERSION = 1.3
"""Variance of a share between windows beside the binomial one, before the history has shown its own."""
VISITS_OF_A_CHANGE = 2.0
"""Visits of usual length that a change of a visitor's fields must be worth: a single long visit is no change."""
PRIOR_WEIGHT = 4.0
"""How many windows that prior counts for."""

VOLUME_PRIOR_SD = 0.08
"""Relative variation of a volume between comparable windows, before the history has shown its own."""
VOLUME_FLOOR_SD = 0.04
VOLUME_Z = 3.5
VOLUME_DROP = 0.20
VOLUME_RISE = 0.35
VOLUME_ERROR_DROP = 0.5
"""Relative change of the volume that matters; a drop loses data, a rise seldom does any harm."""


HOURLY_PRIOR_SD = {"day before": 0.20, "hour before": 0.40}
"""The same where the same hour of enough days is not known: beside that hour of the day before, or beside the hour before."""
HOURLY_MIN = 5
"""Hours on which such a comparison has been tried before it judges."""
HOURLY_DROP = 0.50
HOURLY_RISE = 1.00


class Side(StrEnum):
    """Which change of a share is a finding; the other one is harmless."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


@dataclass(frozen=True)
class Policy:
    """When the change of a share is a finding.

    Attributes:
        check: the check's name.
        title: what it looks for.
        side: which change counts.
        min_change: smallest change of the share, in points of 1.
        min_odds: smallest factor between the odds before and now.
        error_change: change of the share from which on it is an error rather than a warning; more than 1 for never.
        min_count: smallest number of rows that make the change.
    """

    check: str
    title: str
    side: Side = Side.BOTH
    min_change: float = 0.01
    min_odds: float = 1.4
    error_change: float = 0.30
    min_count: float = 4.0


_UP, _DOWN = Side.UP, Side.DOWN

POLICIES: dict[str, Policy] = {
    policy.check: policy
    for policy in (
        Policy("null_rate", "Nulls of a field or object, over all rows and by event type, app version, os and country.", min_change=0.01),
        Policy("category_share", "Share of one value of a field."),
        Policy("new_values", "Rows whose value of a field no window of the history has.", _UP, 0.008, 2.0, 0.25),
        Policy("top_value", "One value of a field suddenly everywhere.", _UP, 0.02, 1.5, 0.30, 6),
        Policy(
            "text_form",
            "Form of a text: empty, spaces at its edge, case, digits, non-ASCII, links, escapes, placeholders.",
            min_change=0.01,
        ),
        Policy("length", "Length of a text, at its quantiles."),
        Policy("shape", "Prefix and characters of identifiers.", min_change=0.01),
        Policy("distinct", "Distinct values among a field's rows.", min_change=0.02, min_odds=2.0),
        Policy("number", "A number's distribution at its quantiles: location, spread, tails, unit."),
        Policy("frequent_value", "One value of a number, of those that are frequent.", _UP, 0.03, 2.0, 0.30, 5),
        Policy("precision", "Whole numbers, round numbers, decimals and zeros.", min_change=0.015),
        Policy("clock_lag", "Time between two clocks, at its quantiles: a shift of a clock or of the time zone."),
        Policy("clock_form", "Instants on whole seconds, minutes and hours, and equal instants.", _UP, 0.02),
        Policy("late_rows", "Rows that arrive long after they happened.", _UP, 0.008, 1.6),
        Policy("occurred_hour", "Hours of the day at which rows happened.", min_change=0.02, min_odds=1.5),
        Policy("arrival_hour", "Hours of the day at which rows arrive.", min_change=0.02, min_odds=1.6),
        Policy("arrival_slot", "Five minutes of the hour in which rows arrive.", min_change=0.03, min_odds=1.6),
        Policy("peak_minute", "Rows of the busiest minute.", _UP, 0.02, 2.0),
        Policy("rows_per_visitor", "Rows of one visitor, at the quantiles.", min_change=0.02),
        Policy("agreement", "Fields that usually agree for one visitor, product, page or campaign.", _DOWN, 0.015, 1.5, 0.30, 8),
        Policy("pair_share", "Two fields' values together.", min_change=0.01),
        Policy("overlap", "Values that stand in another field too.", _UP, 0.01),
        Policy("step_order", "Steps of a visitor and their order.", min_change=0.015, min_odds=1.5),
        Policy("identity", "Visitors with more than one account, accounts with many visitors.", _UP, 0.008, 1.6),
        Policy("resend_rate", "Rows that were sent again with the same event_id and content.", _UP, 0.008, 1.6, 0.30),
        Policy("event_id_conflict", "Rows that carry another row's event_id with other content.", _UP, 0.0005, 1.6, 0.05, 1),
        Policy("repeated_rows", "Rows that say what another row says, under an event_id of their own.", _UP, 0.01, 1.5),
        Policy("repeated_batch", "Rows whose event_id an earlier window holds.", _UP, 0.01, 1.6, 0.20),
        Policy("new_identities", "Values of a field that no earlier window holds.", _UP, 0.10, 2.5),
        Policy("quarantine_rate", "Rows rejected by a rule.", _UP, 0.005, 1.6, 0.20),
        Policy("unknown_field", "Rows with a field that the contract does not know.", min_change=0.005, min_odds=1.6, error_change=1.1),
        Policy("mix", "All values of a field together, each moved too little to be sure of.", min_change=0.06),
        Policy("refund_unknown", "Refunds of an order that no window holds.", _UP, 0.05, 2.0, 0.8, 2),
    )
}
"""Checks of shares. All of them also have to be improbable: CHECK_ALPHA for all shares of a check together."""
