"""Holding people and addresses to their mutes and bans: who comes in, and who is here already."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from opsroom_contracts.moderation import Restriction, RestrictionKind
from opsroom_contracts.restrictions import refusal
from opsroom_contracts.text import fold_name
from opsroom_gateway.edge.callers import Caller
from opsroom_gateway.outlet import SocketOutlet
from opsroom_gateway.restrictions_feed import RestrictionsFeed

log = logging.getLogger(__name__)

Hear = Callable[[Restriction], None]
"""Called with a restriction that concerns a reader, as soon as it is known, and again when it is lifted."""


@dataclass(frozen=True, slots=True)
class _Reader:
    site: str
    name: str | None
    hear: Hear


class Enforcement:
    """Knows all sockets and streams of this process, by where they came from and by whose they are."""

    def __init__(self, feed: RestrictionsFeed) -> None:
        self._feed = feed
        self._readers: dict[SocketOutlet, _Reader] = {}
        feed.watch(self._on_restriction)

    def check(self, caller: Caller, name: str | None = None) -> None:
        """Pass who is not banned.

        Raises:
            FaultError: ``banned``.
        """
        restrictions, now = self._feed.restrictions, self._feed.clock()
        ban = restrictions.ban_of_site(caller.site, now)
        if ban is None and name is not None:
            ban = restrictions.ban_of_name(name, now)
        if ban is not None:
            raise refusal(ban)

    def mute_of(self, name: str) -> Restriction | None:
        """Why ``name`` may not speak."""
        return self._feed.restrictions.mute_of(name, self._feed.clock())

    def in_force(self) -> tuple[Restriction, ...]:
        """All that are, the newest first."""
        found = self._feed.restrictions.in_force(self._feed.clock())
        return tuple(sorted(found, key=lambda one: (one.at, one.id), reverse=True))

    def watch(self, outlet: SocketOutlet, caller: Caller, name: str | None, hear: Hear) -> None:
        """Have ``hear`` called, until ``outlet`` is lost, with what concerns ``name`` or the caller's site.

        Raises:
            FaultError: ``banned`` already.
        """
        self.check(caller, name)
        folded = None if name is None else fold_name(name)
        self._readers[outlet] = _Reader(caller.site, folded, hear)
        outlet.when_lost(partial(self._forget, outlet))

    def _forget(self, outlet: SocketOutlet) -> None:
        self._readers.pop(outlet, None)

    def _on_restriction(self, restriction: Restriction) -> None:
        name = None if restriction.name is None else fold_name(restriction.name)
        for reader in list(self._readers.values()):
            concerned = reader.site == restriction.address if name is None else reader.name == name
            if concerned:
                if is_ban(restriction) and name is not None:
                    # What else may have to be banned: nothing else tells where somebody chats from.
                    log.info("%s was here from %s when banned", restriction.name, reader.site)
                reader.hear(restriction)


def is_ban(restriction: Restriction) -> bool:
    """Whether it keeps somebody out from now on."""
    return restriction.kind is RestrictionKind.BAN and not restriction.lifted
