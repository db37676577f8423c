"""Muting and banning: records that every process of the chat and every gateway follows."""

from opsroom_chat.domain import moderation, people
from opsroom_chat.domain.people import Change, Graces
from opsroom_chat.domain.tokens import name_key
from opsroom_chat.members import Members
from opsroom_chat.people import Clock
from opsroom_contracts.chat import LeaveManner, Member
from opsroom_contracts.codec import ContractError, encode
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.moderation import (
    RESTRICTION,
    RESTRICTIONS_MAX,
    LiftReply,
    LiftRequest,
    Restriction,
    RestrictionKind,
    RestrictionsReply,
    RestrictionsRequest,
    RestrictReply,
    RestrictRequest,
)
from opsroom_contracts.subjects import restriction_subject
from opsroom_contracts.versions import NewerVersionError
from opsroom_messaging.stored import StreamReader, UnavailableError
from opsroom_messaging.writer import GroupWriter, Write


class Restricting:
    """Answers requests about mutes and bans. Of two that come at once, the later one counts."""

    def __init__(
        self, members: Members, reader: StreamReader, writer: GroupWriter, graces: Graces, clock: Clock
    ) -> None:
        self._members = members
        self._reader = reader
        self._writer = writer
        self._graces = graces
        self._clock = clock

    async def restrict(self, request: RestrictRequest) -> RestrictReply:
        """Mute or ban; who is banned by name is off the list when this is answered.

        Raises:
            FaultError: ``invalid_request``: no such target, or as many in force as there may be.
        """
        now = self._clock()
        wanted = moderation.restriction_of(request, now)
        in_force = self._members.directory.restrictions
        if (
            in_force.find(wanted.id, now) is None
            and sum(1 for _ in in_force.in_force(now)) >= RESTRICTIONS_MAX
        ):
            words = f"{RESTRICTIONS_MAX} mutes and bans are in force, and there may be no more: lift some"
            raise refuse(ErrorCode.INVALID_REQUEST, words)
        seq = await self._store(wanted)
        if wanted.kind is RestrictionKind.BAN and wanted.name is not None:
            # Behind the ban in the stream: gateways close the sockets as those of a banned person.
            seq = max(seq, await self._turn_out(wanted.name))
        return RestrictReply(restriction=wanted, seq=seq)

    async def lift(self, request: LiftRequest) -> LiftReply:
        """End a mute or ban.

        Raises:
            FaultError: ``restriction_unknown``: there is none, or it has ended.
        """
        now = self._clock()
        known = await self._read(request.id)
        if known is None or known.lifted or (known.until is not None and known.until <= now):
            words = f"no mute or ban with the id {request.id} is in force"
            raise refuse(ErrorCode.RESTRICTION_UNKNOWN, words, field="id")
        over = moderation.lifted(known, request.by, now)
        return LiftReply(restriction=over, seq=await self._store(over))

    async def page(self, request: RestrictionsRequest) -> RestrictionsReply:
        """What is in force, as far as this process has heard."""
        after = request.after or ""
        found = [
            one for one in self._members.directory.restrictions.in_force(self._clock()) if one.id > after
        ]
        found.sort(key=lambda one: one.id)
        shown = tuple(found[: request.limit])
        return RestrictionsReply(
            restrictions=shown, next=shown[-1].id if len(found) > request.limit else None
        )

    async def _store(self, restriction: Restriction) -> int:
        now = self._clock()
        life = moderation.life_of(restriction, now)
        subject = restriction_subject(restriction.id)
        (seq,) = await self._writer.write(Write(subject, encode(restriction), ttl=life))
        self._members.directory.restrictions.put(restriction, seq, now)
        return seq

    async def _read(self, restriction_id: str) -> Restriction | None:
        stored = await self._reader.last(restriction_subject(restriction_id))
        if stored is None:
            return None
        try:
            return RESTRICTION.read(stored.data)
        except NewerVersionError as error:
            raise UnavailableError(f"{stored.subject}: {error}") from error
        except ContractError:
            return None

    async def _turn_out(self, name: str) -> int:
        """Have whoever holds ``name`` leave; answers the sequence that shows it, 0 where nobody does."""
        held = self._members.directory.name(name_key(name))
        if held is None or held.user_id is None:
            return 0

        def decide(member: Member | None) -> Change | None:
            if member is None:
                return None
            return people.leave(member, frozenset(), LeaveManner.EXIT, self._clock(), self._graces)

        _, seq = await self._members.change(held.user_id, decide)
        return seq
