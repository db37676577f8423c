"""Servers: list them, send commands, follow their changes, and look inside."""

from opsroom_client.cloud.client import Cloud
from opsroom_client.cloud.queries import ALL_EVENTS, EventFilter
from opsroom_client.cloud.resuming import LogGap
from opsroom_client.cloud.views import LogStream, StatsStream

__all__ = ["ALL_EVENTS", "Cloud", "EventFilter", "LogGap", "LogStream", "StatsStream"]
