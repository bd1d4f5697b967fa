"""Channels: Slack-compatible webhook, e-mail, PagerDuty, AWS SNS; one class each, one method: send a message or raise.

Belongs here: formats and protocols. Does not: which channel is used when, retries (`delivery.py`).
"""

from data_pipeline.operations.alerts.channels.channel import Channel, ChannelError
from data_pipeline.operations.alerts.channels.mail import MailChannel
from data_pipeline.operations.alerts.channels.pagerduty import PagerDutyChannel
from data_pipeline.operations.alerts.channels.slack import SlackChannel
from data_pipeline.operations.alerts.channels.sns import SnsChannel

__all__ = ["Channel", "ChannelError", "MailChannel", "PagerDutyChannel", "SlackChannel", "SnsChannel"]
