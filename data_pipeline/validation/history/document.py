"""The page that documents the checks over windows, rendered from their thresholds.

Belongs here: wording of `docs/findings.md`. Does not: any number.
"""

from __future__ import annotations

from data_pipeline.validation.history import thresholds as limits


def render_findings() -> str:
    """`docs/findings.md`."""
    lines = [
        "# Findings on windows",
        "",
        "Rendered from `data_pipeline/validation/history/thresholds.py` by `data-pipeline docs`; do not edit.",
        "",
        "A window is an hour or a day of arrival of one source. Its profile is compared with the profiles of comparable windows before",
        "it, never with its own. A finding is `info` (for people), `warn` (does not block) or `error` (blocks what is downstream until",
        "`data-pipeline accept` records a reason): the hour's check in Dagster fails, and the day of arrival is not built.",
        "",
        f"All thresholds are set so that at most {limits.FALSE_POSITIVE_RATE:.0%} of clean windows carry a warning or an error.",
        "",
        "## What a window is compared with",
        "",
        f"- Windows up to {limits.MAX_DAYS} days back; for an hour the same hour of those days, and the 48 hours before it.",
        f"- With {limits.SAME_KIND_WINDOWS} or more windows of the same weekday only those; else those of the same kind of day",
        "  (Monday to Friday, Saturday and Sunday); where there are fewer of that kind, all windows and those of the kind",
        "  are tried and the milder verdict is believed.",
        f"- Fewer than {limits.MIN_WINDOWS} comparable windows: the finding `history` says so. From {limits.SHORT_WINDOWS} on, changes of"
        f" {limits.SHORT_CHANGE:.0%} and",
        f"  {limits.Z_ERROR:g} standard deviations are shown as warnings; with fewer, nothing is judged.",
        f"- An hour with fewer than {limits.MIN_WINDOWS} windows of the same hour is compared with all hours near it:",
        f"  their variation widens what is usual, times {limits.OTHER_HOURS_WIDER:g}; its findings are warnings at most.",
        "- A window with an error that nobody accepted does not count; one with a warning does not count for that check and field, unless",
        "  fewer than half of the windows would be left. The centre is a median, and windows far from it (at most 3 in 10) do not widen",
        "  what is usual: one bad day in the history changes no verdict.",
        "- `data-pipeline accept` makes a window count again; with `--as-norm` the windows before it no longer count.",
        "",
        "## When a share is unusual",
        "",
        "Nearly all that a profile holds is a share: nulls among rows, a country among countries, prices above a quantile of the history.",
        "A share is a finding when both hold:",
        "",
        "1. It is improbable. The score is the signed root of the binomial deviance, divided by how much more than binomially the share",
        "   has varied between windows (rows of one visit move together), and taken as Student's t. A clean window exceeds it",
        f"   with a chance of {limits.CHECK_ALPHA:g} a check, divided by the number of shares that the check looks at.",
        "2. It matters: the change in points, the factor between the odds, and the rows reach the smallest ones of the table;",
        f"   or the change is four times the smallest one, and {limits.LARGE_CHANGE * 100:g} points at least.",
        "",
        "For numbers, clocks and lengths two shares more are tested: the mean rank of the values among those of the history (location),",
        "and their mean distance from the middle rank (spread).",
        "",
        f"It is an error from {limits.Z_ERROR:g} standard deviations on if the change reaches the table's last column as well,",
        "otherwise a warning.",
        "",
        "| check | looks for | side | change from | odds from | rows from | error from |",
        "|---|---|---|---|---|---|---|",
    ]
    for policy in limits.POLICIES.values():
        error = f"{policy.error_change:.0%}" if policy.error_change <= 1 else "never"
        lines.append(
            f"| `{policy.check}` | {policy.title} | {policy.side} | {policy.min_change * 100:g} % | x {policy.min_odds:g} "
            f"| {policy.min_count:g} | {error} |"
        )
    lines += [
        "",
        "## Other checks",
        "",
        "- `volume`: rows beside comparable windows, growth taken out. A drop of"
        f" {limits.VOLUME_DROP:.0%} or a rise of {limits.VOLUME_RISE:.0%}",
        f"  that is also {limits.VOLUME_Z:g} standard deviations away; the deviation is what the history shows, drawn to",
        f"  {limits.VOLUME_PRIOR_SD:.0%} and at least {limits.VOLUME_FLOOR_SD:.0%}. A drop by half or more is an error.",
        "- `volume` of an hour while few days are known: beside the same hour of the day before, moved by how the last hours",
        "  lay beside theirs,",
        "  or beside the hour before. The band is as wide as that comparison was off on the history's hours,",
        f"  {limits.HOURLY_MIN} at least;",
        f"  from a drop of {limits.HOURLY_DROP:.0%} or a rise of {limits.HOURLY_RISE:.0%} on, a warning at most.",
        f"- `mix`: all values of a field together, from a score of {limits.MIX_Z:g} on.",
        "- `one_order`: an order_id purchased more than once. Exact, by all orders seen, any source.",
        "- `refund_follows_purchase`: a refund before its purchase, after two years, in another currency, or of more than the",
        "  total. Exact; a refund whose order nobody has seen may be older than the history, so only more of them than lately is a finding",
        "  (`refund_unknown`).",
        "- `unknown_field`: a field that the contract does not know; a warning where no window of the history has it.",
    ]
    return "\n".join(lines) + "\n"
