"""Addresses from which users were connected to this process: for a day, in memory only."""

from collections import OrderedDict
from datetime import datetime, timedelta

_REMEMBERED = timedelta(days=1)
_MAX_ENTRIES = 20_000
"""How many pairs of name and address are kept; beyond it the oldest is dropped."""


class RecentAddresses:
    """When users left, by folded name and network. The time is an argument."""

    def __init__(self) -> None:
        self._last_seen: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    def __len__(self) -> int:
        return len(self._last_seen)

    def record(self, name: str, network: str, at: datetime) -> None:
        """Record that a connection of ``name`` from ``network`` ended."""
        self._last_seen[name, network] = at
        self._last_seen.move_to_end((name, network))
        while len(self._last_seen) > _MAX_ENTRIES or next(iter(self._last_seen.values())) < at - _REMEMBERED:
            self._last_seen.popitem(last=False)

    def find(self, name: str, now: datetime) -> dict[str, datetime]:
        """Return when users of that name were last connected, by network."""
        since = now - _REMEMBERED
        return {
            network: at for (known, network), at in self._last_seen.items() if known == name and at >= since
        }
