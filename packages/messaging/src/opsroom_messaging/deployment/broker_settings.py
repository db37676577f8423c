"""Settings that every broker of the portal has, however it is started."""

from typing import Final

PINGS: Final[dict[str, str | int]] = {"ping_interval": "5s", "ping_max": 2}
"""The broker closes the connection of a process that has been silent for 15 s.

A process that hangs stays a member of its queue group, and gets its share of all requests, for as long as the
broker keeps its connection. By default that takes six minutes.
"""
