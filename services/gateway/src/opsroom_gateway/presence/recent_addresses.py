"""From where people were connected to this process, for a day and in memory alone."""

from collections import OrderedDict
from datetime import datetime, timedelta

_REMEMBERED = timedelta(days=1)
_MOST = 20_000
"""So many pairs of name and address are remembered; past it the one that left longest ago is forgotten."""


class RecentAddresses:
    """Those who left: by folded name, from which site, and when. Time is an argument."""

    def __init__(self) -> None:
        self._left: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def left(self, name: str, site: str, at: datetime) -> None:
        """Somebody's connection from ``site`` ended."""
        self._left[name, site] = at
        self._left.move_to_end((name, site))
        while len(self._left) > _MOST or next(iter(self._left.values())) < at - _REMEMBERED:
            self._left.popitem(last=False)

    def of(self, name: str, now: datetime) -> dict[str, datetime]:
        """When those of that name were last here, by site."""
        since = now - _REMEMBERED
        return {site: at for (one, site), at in self._left.items() if one == name and at >= since}
