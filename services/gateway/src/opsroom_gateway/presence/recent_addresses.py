"""Addresses from which users were connected to this process: for a day, in memory only."""

from collections import OrderedDict
from datetime import datetime, timedelta

from opsroom_contracts.text import name_forms

_REMEMBERED = timedelta(days=1)
_MAX_ENTRIES = 20_000
"""How many pairs of name and address are kept; beyond it the oldest is dropped."""


class RecentAddresses:
    """When users left, by the forms of their name and by network. The time is an argument."""

    def __init__(self) -> None:
        self._last_seen: OrderedDict[tuple[tuple[str, ...], str], datetime] = OrderedDict()

    def __len__(self) -> int:
        return len(self._last_seen)

    def record(self, name: str, network: str, at: datetime) -> None:
        """Record that a connection of ``name`` from ``network`` ended."""
        key = name_forms(name), network
        self._last_seen[key] = at
        self._last_seen.move_to_end(key)
        while len(self._last_seen) > _MAX_ENTRIES or next(iter(self._last_seen.values())) < at - _REMEMBERED:
            self._last_seen.popitem(last=False)

    def find(self, name: str, now: datetime) -> dict[str, datetime]:
        """Return when users of that name, or of one that looks like it, were last connected, by network."""
        since, forms = now - _REMEMBERED, frozenset(name_forms(name))
        found: dict[str, datetime] = {}
        for (known, network), at in self._last_seen.items():
            if at >= since and not forms.isdisjoint(known):
                found[network] = at  # the entries are in the order of their times
        return found
