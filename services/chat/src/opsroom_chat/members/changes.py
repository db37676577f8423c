"""Changes of one member that arrive together: they are applied one after another, and stored as one write.

All sockets of a person reconnect at once after a restart. If each were a separate write, each would
wait for those before it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from opsroom_chat.domain.presence import Change, NameClaimChange
from opsroom_contracts.chat.models import Member
from opsroom_contracts.errors import FaultError

Mutation = Callable[[Member | None], Change | None]
"""Computes a change from a member's current record (None: no record); None leaves it unchanged."""


@dataclass(slots=True, eq=False)
class WaitingChange:
    """A change that a request waits for. ``outcome``: the record after it, with its sequence, or an error."""

    decide: Mutation
    outcome: tuple[Member | None, int] | FaultError | None = None


@dataclass(slots=True, weakref_slot=True)
class MemberChanges:
    """The changes of one member that wait in this process. The holder of ``lock`` applies all of them."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[WaitingChange] = field(default_factory=list)

    def unresolved(self) -> list[WaitingChange]:
        """Return those that are not applied yet, in the order of arrival."""
        return [one for one in self.waiting if one.outcome is None]


@dataclass(frozen=True, slots=True)
class Decided:
    """A change that was computed.

    Attributes:
        member: the record after it.
        is_change: whether it changes the record.
        refusal: why it was refused.
    """

    change: WaitingChange
    member: Member | None
    is_change: bool
    refusal: FaultError | None = None


@dataclass(frozen=True, slots=True)
class Fold:
    """Changes applied one after another. ``total``: what to store; None: the record stays as it is."""

    decided: tuple[Decided, ...]
    total: Change | None

    def resolve(self, seq: int) -> None:
        """Note the outcome of each. ``seq``: the sequence of the record that has them all."""
        for one in self.decided:
            one.change.outcome = one.refusal or (one.member, seq)

    def refuse_claim(self, error: FaultError, seq: int) -> None:
        """Note that the first change of the record, which claims the name, is refused with ``error``.

        ``seq``: the sequence of the record, which stays as it is. The changes after it are decided again.
        """
        for one in self.decided:
            one.change.outcome = error if one.is_change else one.refusal or (one.member, seq)
            if one.is_change:
                return


def fold(member: Member | None, changes: Sequence[WaitingChange], *, is_current: bool) -> Fold:
    """Apply ``changes`` to ``member`` up to the first that can't be stored with those before it.

    A name is claimed or released only by the first change of a write. ``is_current``: whether ``member`` is
    the record in the stream. Otherwise a refusal, or a change of nothing, is not final, and ends the fold.
    """
    decided: list[Decided] = []
    total: Change | None = None
    for one in changes:
        refusal: FaultError | None = None
        change: Change | None = None
        try:
            change = one.decide(member)
        except FaultError as error:
            refusal = error
        if change is None and not is_current:
            break
        if change is not None:
            if total is not None and change.name is not NameClaimChange.KEEP:
                break
            member = change.member
            total = Change(member, change.name if total is None else total.name)
        decided.append(Decided(one, member, change is not None, refusal))
    return Fold(tuple(decided), total)
