"""The mutes and bans that there are: the fold of their records, the same wherever it is made."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.model import rfc3339
from opsroom_contracts.moderation import Restriction, RestrictionKind, restriction_id

_LEAST_TO_SWEEP = 2000


@dataclass(slots=True)
class Restrictions:
    """The last record of each, whichever order they come in. Time is an argument.

    One that ended or was lifted is remembered as such for a while, lest an older record, delivered late,
    bring it back.
    """

    _records: dict[str, tuple[int, Restriction]] = field(default_factory=dict)
    _sweep_at: int = _LEAST_TO_SWEEP

    def __len__(self) -> int:
        return len(self._records)

    def put(self, restriction: Restriction, seq: int, now: datetime) -> bool:
        """Take in a record, stored at ``seq``; answers whether it says anything new."""
        known = self._records.get(restriction.id)
        if known is not None and known[0] >= seq:
            return False
        self._records[restriction.id] = (seq, restriction)
        if len(self._records) > self._sweep_at:
            self._records = {key: one for key, one in self._records.items() if _in_force(one[1], now)}
            self._sweep_at = max(_LEAST_TO_SWEEP, 2 * len(self._records))
        return known is None or known[1] != restriction

    def find(self, key: str, now: datetime) -> Restriction | None:
        """The restriction with that id, while it is in force."""
        known = self._records.get(key)
        return known[1] if known is not None and _in_force(known[1], now) else None

    def mute_of(self, name: str, now: datetime) -> Restriction | None:
        """Why ``name``, or one that counts as the same, may not speak."""
        return self._of(RestrictionKind.MUTE, name, None, now)

    def ban_of_name(self, name: str, now: datetime) -> Restriction | None:
        """Why ``name``, or one that counts as the same, may not be here."""
        return self._of(RestrictionKind.BAN, name, None, now)

    def ban_of_site(self, site: str, now: datetime) -> Restriction | None:
        """Why nobody at ``site`` may be here."""
        return self._of(RestrictionKind.BAN, None, site, now)

    def _of(
        self, kind: RestrictionKind, name: str | None, site: str | None, now: datetime
    ) -> Restriction | None:
        # Every message asks. Where nobody is restricted, as nearly always, the digest of a name is not made.
        return self.find(restriction_id(kind, name, site), now) if self._records else None

    def in_force(self, now: datetime) -> Iterator[Restriction]:
        """All that are."""
        return (one for _, one in self._records.values() if _in_force(one, now))


def _in_force(restriction: Restriction, now: datetime) -> bool:
    return not restriction.lifted and (restriction.until is None or now < restriction.until)


def refusal(restriction: Restriction) -> FaultError:
    """What to answer the one concerned: ``muted`` or ``banned``, until when, and why."""
    muted = restriction.kind is RestrictionKind.MUTE
    code = ErrorCode.MUTED if muted else ErrorCode.BANNED
    who = "your address is" if restriction.name is None else "you are"
    end = "until it is lifted" if restriction.until is None else f"until {rfc3339(restriction.until)}"
    why = "" if restriction.reason is None else f": {restriction.reason}"
    return refuse(code, f"{who} {code.value} {end}{why}", until=restriction.until)
