"""Projection of the mutes and bans in force, shared by the chat service and the gateways."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from opsroom_contracts.chat.moderation import (
    RestrictionFields,
    RestrictionKind,
    RestrictionRecord,
    restriction_id,
)
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.identity import Identity
from opsroom_contracts.serialization.model import rfc3339
from opsroom_contracts.text import NameIndex

_SWEEP_MIN = 2000


@dataclass(slots=True)
class Restrictions:
    """The latest record of each restriction, in whatever order records arrive. Time is an argument.

    Expired and lifted records are kept for a while, so that an older record delivered late has no effect.
    """

    _records: dict[str, tuple[int, RestrictionRecord]] = field(default_factory=dict)
    _by_identity: dict[Identity, set[str]] = field(default_factory=dict)
    _by_name: NameIndex[str] = field(default_factory=NameIndex)
    _sweep_at: int = _SWEEP_MIN

    def __len__(self) -> int:
        return len(self._records)

    def put(self, restriction: RestrictionRecord, seq: int, now: datetime) -> bool:
        """Apply a record stored at ``seq``; return whether it changed anything."""
        known = self._records.get(restriction.id)
        if known is not None and known[0] >= seq:
            return False
        self._records[restriction.id] = (seq, restriction)
        self._index(restriction)
        if len(self._records) > self._sweep_at:
            self._sweep(now)
        return known is None or known[1] != restriction

    def find(self, key: str, now: datetime) -> RestrictionRecord | None:
        """Return the restriction with this id, if it is in force."""
        known = self._records.get(key)
        return known[1] if known is not None and _in_force(known[1], now) else None

    def mute_of(self, name: str, now: datetime, identity: Identity | None = None) -> RestrictionRecord | None:
        """Return the mute of ``name``, of a name that looks like it, or of ``identity``, if any."""
        return self._of(RestrictionKind.MUTE, name, identity, now)

    def ban_of(self, name: str, now: datetime, identity: Identity | None = None) -> RestrictionRecord | None:
        """Return the ban of ``name``, of a name that looks like it, or of ``identity``, if any."""
        return self._of(RestrictionKind.BAN, name, identity, now)

    def ban_of_network(self, network: str, now: datetime) -> RestrictionRecord | None:
        """Return the ban of ``network``, if any."""
        if not self._records:
            return None
        return self.find(restriction_id(RestrictionKind.BAN, None, network), now)

    def oldest_seq(self, now: datetime) -> int | None:
        """Return the lowest sequence of a restriction in force; None if there is none."""
        return min((seq for seq, one in self._records.values() if _in_force(one, now)), default=None)

    def in_force(self, now: datetime) -> Iterator[RestrictionRecord]:
        """Iterate over the restrictions in force."""
        return (one for _, one in self._records.values() if _in_force(one, now))

    def _of(
        self, kind: RestrictionKind, name: str, identity: Identity | None, now: datetime
    ) -> RestrictionRecord | None:
        # Called for every message: don't fold the name if there are no restrictions.
        if not self._records:
            return None
        for key in self._by_name.find(name):
            held = self.find(key, now)
            if held is not None and held.kind is kind:
                return held
        for key in () if identity is None else self._by_identity.get(identity, ()):
            held = self.find(key, now)
            if held is not None and held.kind is kind and identity in held.identities:
                return held
        return None

    def _index(self, restriction: RestrictionRecord) -> None:
        if restriction.name is not None:
            self._by_name.add(restriction.name, restriction.id)
        for identity in restriction.identities:
            self._by_identity.setdefault(identity, set()).add(restriction.id)

    def _sweep(self, now: datetime) -> None:
        """Drop the records that are no longer in force."""
        self._records = {key: one for key, one in self._records.items() if _in_force(one[1], now)}
        self._sweep_at = max(_SWEEP_MIN, 2 * len(self._records))
        self._by_identity, self._by_name = {}, NameIndex()
        for _, restriction in self._records.values():
            self._index(restriction)


def _in_force(restriction: RestrictionFields, now: datetime) -> bool:
    return not restriction.lifted and (restriction.until is None or now < restriction.until)


def refusal(restriction: RestrictionFields) -> FaultError:
    """Return the error for a muted or banned user: the code, when it ends, and the reason."""
    muted = restriction.kind is RestrictionKind.MUTE
    code = ErrorCode.MUTED if muted else ErrorCode.BANNED
    who = "your address is" if restriction.name is None else "you are"
    end = "until it is lifted" if restriction.until is None else f"until {rfc3339(restriction.until)}"
    why = "" if restriction.reason is None else f": {restriction.reason}"
    return refuse(code, f"{who} {code.value} {end}{why}", until=restriction.until)
