"""Enforcement of mutes and bans on new and existing connections."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from opsroom_contracts.chat.moderation import Restriction, RestrictionKind
from opsroom_contracts.chat.restrictions import refusal
from opsroom_contracts.gateways import KNOWN_ADDRESSES_MAX, AddressSeen, KnownAddresses
from opsroom_contracts.text import fold_name
from opsroom_gateway.middleware.client_address import Client
from opsroom_gateway.presence.recent_addresses import RecentAddresses
from opsroom_gateway.projections.restrictions import RestrictionProjection

OnRestriction = Callable[[Restriction], None]
"""Called with each restriction that applies to a reader, and again when it is lifted."""


class Watchable(Protocol):
    """A socket or a stream."""

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once when it has ended."""


@dataclass(frozen=True, slots=True)
class _Reader:
    network: str
    name: str | None
    on_restriction: OnRestriction


class RestrictionEnforcer:
    """Watches all sockets and streams of this process by network and by name."""

    def __init__(self, projection: RestrictionProjection) -> None:
        self._projection = projection
        self._readers: dict[Watchable, _Reader] = {}
        self._recent = RecentAddresses()
        projection.watch(self._on_restriction)

    def check(self, client: Client, name: str | None = None) -> None:
        """Check that the client is not banned.

        Raises:
            FaultError: ``banned``.
        """
        restrictions, now = self._projection.restrictions, self._projection.clock()
        ban = restrictions.ban_of_network(client.network, now)
        if ban is None and name is not None:
            ban = restrictions.ban_of_name(name, now)
        if ban is not None:
            raise refusal(ban)

    def mute_of(self, name: str) -> Restriction | None:
        """Return the mute of ``name``, if any."""
        return self._projection.restrictions.mute_of(name, self._projection.clock())

    def in_force(self) -> tuple[Restriction, ...]:
        """Return all restrictions in force, newest first."""
        found = self._projection.restrictions.in_force(self._projection.clock())
        return tuple(sorted(found, key=lambda restriction: (restriction.at, restriction.id), reverse=True))

    def watch(
        self, connection: Watchable, client: Client, name: str | None, on_restriction: OnRestriction
    ) -> None:
        """Call ``on_restriction`` with what applies to ``name`` or the client until the connection closes.

        Raises:
            FaultError: ``banned`` already.
        """
        self.check(client, name)
        folded = None if name is None else fold_name(name)
        self._readers[connection] = _Reader(client.network, folded, on_restriction)
        connection.on_close(partial(self._forget, connection))

    def set_name(self, connection: Watchable, name: str | None) -> None:
        """Set the name of a watched connection. None: it belongs to no user."""
        reader = self._readers.get(connection)
        if reader is not None:
            self._record_address(reader)
            self._readers[connection] = replace(reader, name=None if name is None else fold_name(name))

    def known_addresses(self, name: str) -> KnownAddresses:
        """Return the addresses from which users of that name are connected here, or were in the last day."""
        now, folded = self._projection.clock(), fold_name(name)
        found = self._recent.find(folded, now)
        found |= {reader.network: now for reader in self._readers.values() if reader.name == folded}
        latest = sorted(found.items(), key=lambda seen: (seen[1], seen[0]), reverse=True)[
            :KNOWN_ADDRESSES_MAX
        ]
        return KnownAddresses(
            sightings=tuple(
                AddressSeen(address=network[:64], at=at) for network, at in latest[:KNOWN_ADDRESSES_MAX]
            )
        )

    def _forget(self, connection: Watchable) -> None:
        reader = self._readers.pop(connection, None)
        if reader is not None:
            self._record_address(reader)

    def _record_address(self, reader: _Reader) -> None:
        if reader.name is not None:
            self._recent.record(reader.name, reader.network, self._projection.clock())

    def _on_restriction(self, restriction: Restriction) -> None:
        name = None if restriction.name is None else fold_name(restriction.name)
        for reader in list(self._readers.values()):
            applies = reader.network == restriction.address if name is None else reader.name == name
            if applies:
                reader.on_restriction(restriction)


def is_ban(restriction: Restriction) -> bool:
    """Return whether it bans somebody from now on."""
    return restriction.kind is RestrictionKind.BAN and not restriction.lifted
