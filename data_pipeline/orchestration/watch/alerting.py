"""From settings to channels, policy and the place of the state; and one evaluation of all alerts.

Belongs here: this wiring. Does not: sensors (`sensors.py`), rules (`operations/alerts/`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dagster import DagsterInstance

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import LocalObjectStore, ObjectStore
from data_pipeline.operations.alerts.channels import Channel, MailChannel, PagerDutyChannel, SlackChannel, SnsChannel
from data_pipeline.operations.alerts.delivery import Outcome, evaluate
from data_pipeline.operations.alerts.policy import ClockSpan, Policy
from data_pipeline.operations.alerts.state import StateStore
from data_pipeline.operations.signals.checks import CheckResult, run_checks
from data_pipeline.operations.signals.facts import Limits
from data_pipeline.orchestration.platform import Platform
from data_pipeline.orchestration.watch.gather import Watcher
from data_pipeline.settings import Environment, Settings


class Alerting:
    """Watches one deployment and tells people."""

    def __init__(self, platform: Platform) -> None:
        self._settings = platform.settings
        self._watcher = Watcher(platform)
        self._states = state_store(platform.settings)
        self._channels = build_channels(platform.settings)
        self._policy = build_policy(platform.settings, list(self._channels))
        self._lock = threading.Lock()

    def run(self, instance: DagsterInstance | None = None, kinds: Sequence[str] = ()) -> tuple[list[CheckResult], Outcome]:
        """Look, judge, decide and send, once; raises nothing that a channel or a part of the platform did.

        Args:
            instance: Dagster's instance; without one that of the settings is opened.
            kinds: only these checks; none for all.
        """
        with self._lock:
            facts = self._watcher.look(instance)
            results = run_checks(facts, Limits(), kinds)
            alerts = [alert for result in results for alert in result.alerts]
            blind = frozenset(result.kind for result in results if result.blind_on)
            return results, evaluate(alerts, blind, self._channels, self._states, self._policy, facts.now)


def build_channels(settings: Settings) -> dict[str, Channel]:
    """The channels that the settings name; PermanentError for half a configuration."""
    found: list[Channel] = []
    if settings.alert_pagerduty_routing_key:
        found.append(PagerDutyChannel(settings.alert_pagerduty_routing_key.get_secret_value(), settings.alert_pagerduty_url))
    if settings.alert_sns_topic_arn:
        found.append(
            SnsChannel(
                settings.alert_sns_topic_arn, _region_of(settings), settings.alert_sns_endpoint_url, settings.object_store().credentials
            )
        )
    if settings.alert_slack_webhook_url:
        found.append(SlackChannel(settings.alert_slack_webhook_url.get_secret_value()))
    if settings.alert_smtp_host:
        receivers = tuple(part.strip() for part in (settings.alert_email_to or "").split(",") if part.strip())
        if not receivers:
            raise PermanentError("DATA_PIPELINE_ALERT_SMTP_HOST is set and DATA_PIPELINE_ALERT_EMAIL_TO is not; say who gets the mails.")
        password = settings.alert_smtp_password.get_secret_value() if settings.alert_smtp_password else None
        found.append(
            MailChannel(
                settings.alert_smtp_host,
                settings.alert_smtp_port,
                settings.alert_smtp_security,
                settings.alert_email_from,
                receivers,
                settings.alert_smtp_user,
                password,
            )
        )
    return {channel.name: channel for channel in found}


def build_policy(settings: Settings, channels: Sequence[str]) -> Policy:
    """The team's preferences; PermanentError for a time zone that does not exist."""
    try:
        zone = ZoneInfo(settings.alert_time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise PermanentError(
            f"DATA_PIPELINE_ALERT_TIME_ZONE is '{settings.alert_time_zone}', which is no time zone; write it as Europe/Berlin or UTC."
        ) from error
    return Policy(
        ClockSpan.parse(settings.alert_quiet_hours),
        ClockSpan.parse(settings.alert_digest_hours),
        zone,
        timedelta(minutes=settings.alert_escalate_after_min),
        all_channels=channels,
    )


def state_store(settings: Settings) -> StateStore:
    """The bucket in production, with a file below the state folder for when it does not answer; locally that file alone."""
    local = LocalObjectStore(settings.state_dir / "alerts")
    places: list[ObjectStore] = [local] if settings.environment is Environment.LOCAL else [settings.object_store(), local]
    return StateStore(places)


def _region_of(settings: Settings) -> str:
    """`arn:aws:sns:eu-west-1:…` says it."""
    parts = (settings.alert_sns_topic_arn or "").split(":")
    return parts[3] if len(parts) > 3 and parts[3] else settings.s3_region
