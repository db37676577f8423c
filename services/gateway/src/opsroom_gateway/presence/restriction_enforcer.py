"""Enforcement of mutes and bans on new and existing connections."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from opsroom_contracts.chat.moderation import (
    Restriction,
    RestrictionFields,
    RestrictionKind,
    RestrictionRecord,
)
from opsroom_contracts.chat.restrictions import refusal
from opsroom_contracts.gateways import KNOWN_ADDRESSES_MAX, AddressSeen, KnownAddresses
from opsroom_contracts.identity import Identity
from opsroom_contracts.text import name_forms, names_alike
from opsroom_gateway.middleware.client_address import Client
from opsroom_gateway.presence.recent_addresses import RecentAddresses
from opsroom_gateway.projections.restrictions import RestrictionProjection

OnRestriction = Callable[[RestrictionFields], None]
"""Called with each restriction that applies to a reader, and again when it is lifted."""
OwnName = Callable[[Identity], str | None]
"""Returns the name of the static token with this identity, if it is one."""


class Watchable(Protocol):
    """A socket or a stream."""

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once when it has ended."""


@dataclass(frozen=True, slots=True)
class _Reader:
    network: str
    name: str | None
    forms: frozenset[str]
    identity: Identity | None
    on_restriction: OnRestriction
    owners: tuple[tuple[frozenset[str], Identity], ...] = ()


class RestrictionEnforcer:
    """Watches all sockets and streams of this process by network, name and identity.

    A ban of the name of a static token keeps out the token's holder under every name.
    """

    def __init__(self, projection: RestrictionProjection, own_name: OwnName) -> None:
        self._projection = projection
        self._own_name = own_name
        self._readers: dict[Watchable, _Reader] = {}
        self._recent = RecentAddresses()
        projection.watch(self._on_restriction)

    def check(self, client: Client, name: str | None = None, identity: Identity | None = None) -> None:
        """Check that the client is not banned.

        Raises:
            FaultError: ``banned``.
        """
        restrictions, now = self._projection.restrictions, self._projection.clock()
        ban = restrictions.ban_of_network(client.network, now)
        if ban is None and name is not None:
            ban = restrictions.ban_of(name, now, identity)
        if ban is None and identity is not None and len(restrictions):
            own_name = self._own_name(identity)
            ban = None if own_name is None else restrictions.ban_of(own_name, now)
        if ban is not None:
            raise refusal(ban)

    def mute_of(self, name: str, identity: Identity | None) -> RestrictionRecord | None:
        """Return the mute of ``name`` or ``identity``, if any."""
        return self._projection.restrictions.mute_of(name, self._projection.clock(), identity)

    @property
    def active(self) -> bool:
        """Whether there may be restrictions in force."""
        return len(self._projection.restrictions) > 0

    def restricts(self, name: str, identity: Identity | None) -> bool:
        """Return whether ``name`` or ``identity`` is muted or banned."""
        restrictions, now = self._projection.restrictions, self._projection.clock()
        held = restrictions.mute_of(name, now, identity) or restrictions.ban_of(name, now, identity)
        return held is not None

    def in_force(self) -> tuple[Restriction, ...]:
        """Return all restrictions in force, newest first."""
        found = self._projection.restrictions.in_force(self._projection.clock())
        newest = sorted(found, key=lambda restriction: (restriction.at, restriction.id), reverse=True)
        return tuple(restriction.shown() for restriction in newest)

    def watch(
        self,
        connection: Watchable,
        client: Client,
        name: str | None,
        on_restriction: OnRestriction,
        identity: Identity | None = None,
        *,
        owners: tuple[tuple[str, Identity], ...] = (),
    ) -> None:
        """Call ``on_restriction`` with what applies to the client, or to ``name`` or ``identity``.

        It is called until the connection closes. ``owners``: name and identity of the person whose bot it is:
        what applies to them applies to the bot.

        Raises:
            FaultError: ``banned`` already.
        """
        self.check(client, name, identity)
        self._readers[connection] = _Reader(
            client.network,
            name,
            _forms(name),
            identity,
            on_restriction,
            tuple((_forms(one), owner) for one, owner in owners),
        )
        connection.on_close(partial(self._forget, connection))

    def set_name(self, connection: Watchable, name: str | None) -> None:
        """Set the name of a watched connection. None: it belongs to no user."""
        reader = self._readers.get(connection)
        if reader is not None:
            self._record_address(reader)
            self._readers[connection] = replace(reader, name=name, forms=_forms(name))

    def known_addresses(self, name: str) -> KnownAddresses:
        """Return the addresses from which users of that name are connected here, or were in the last day."""
        now, forms = self._projection.clock(), _forms(name)
        found = self._recent.find(name, now)
        found |= {
            reader.network: now for reader in self._readers.values() if not forms.isdisjoint(reader.forms)
        }
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

    def _on_restriction(self, restriction: RestrictionRecord) -> None:
        name = restriction.name
        forms = _forms(name)
        for reader in list(self._readers.values()):
            if name is None:
                applies = reader.network == restriction.address
            else:
                applies = any(
                    not forms.isdisjoint(held) or self._covers(restriction, name, identity)
                    for held, identity in ((reader.forms, reader.identity), *reader.owners)
                )
            if applies:
                reader.on_restriction(restriction)

    def _covers(self, restriction: RestrictionRecord, name: str, identity: Identity | None) -> bool:
        if identity is None or identity in restriction.identities:
            return identity is not None
        own_name = self._own_name(identity) if restriction.kind is RestrictionKind.BAN else None
        return own_name is not None and names_alike(own_name, name)


def _forms(name: str | None) -> frozenset[str]:
    return frozenset() if name is None else frozenset(name_forms(name))


def is_ban(restriction: RestrictionFields) -> bool:
    """Return whether it bans somebody from now on."""
    return restriction.kind is RestrictionKind.BAN and not restriction.lifted
