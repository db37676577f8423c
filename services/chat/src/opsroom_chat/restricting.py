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
from opsroom_contracts.subjects import moderated_subject, restriction_subject
from opsroom_contracts.versions import NewerVersionError
from opsroom_messaging.stored import StreamReader, UnavailableError
from opsroom_messaging.writer import ConflictError, GroupWriter, Write


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
        wanted = moderation.restriction_of(request, self._clock())
        done = await self._done(request)
        if done is None:
            self._refuse_too_many(wanted)
            done = await self._store(wanted, request)
        restriction, seq = done
        if await self._still_banned(restriction):
            # Behind the ban in the stream: gateways close the sockets as those of a banned person.
            seq = max(seq, await self._turn_out(restriction))
        return RestrictReply(restriction=restriction, seq=seq)

    async def lift(self, request: LiftRequest) -> LiftReply:
        """End a mute or ban.

        Raises:
            FaultError: ``restriction_unknown``: there is none, or it has ended.
        """
        done = await self._done(request)
        if done is None:
            now = self._clock()
            known = await self._read(restriction_subject(request.id))
            if known is None or known.lifted or (known.until is not None and known.until <= now):
                words = f"no mute or ban with the id {request.id} is in force"
                raise refuse(ErrorCode.RESTRICTION_UNKNOWN, words, field="id")
            done = await self._store(moderation.lifted(known, request.by, now), request)
        restriction, seq = done
        return LiftReply(restriction=restriction, seq=seq)

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

    def _refuse_too_many(self, wanted: Restriction) -> None:
        now, in_force = self._clock(), self._members.directory.restrictions
        if in_force.find(wanted.id, now) is not None:
            return
        if sum(1 for _ in in_force.in_force(now)) >= RESTRICTIONS_MAX:
            words = f"{RESTRICTIONS_MAX} mutes and bans are in force, and there may be no more: lift some"
            raise refuse(ErrorCode.INVALID_REQUEST, words)

    async def _done(self, request: RestrictRequest | LiftRequest) -> tuple[Restriction, int] | None:
        """What ``request`` did when it came first, and the sequence from which that counts; None: nothing.

        The sequence is that of the newest record, which readers get to hear of: what the request stored may
        have been replaced since.
        """
        if request.request_id is None:
            return None
        restriction = await self._read(moderated_subject(request.request_id))
        if restriction is None:
            return None
        newest = await self._reader.last(restriction_subject(restriction.id))
        return restriction, 0 if newest is None else newest.seq

    async def _store(
        self, restriction: Restriction, request: RestrictRequest | LiftRequest
    ) -> tuple[Restriction, int]:
        """Store a record, and beside it that ``request`` is done; or take what the same request stored.

        Raises:
            UnavailableError: the broker did not answer.
        """
        now = self._clock()
        payload = encode(restriction)
        record = Write(restriction_subject(restriction.id), payload, ttl=moderation.life_of(restriction, now))
        if request.request_id is None:
            (seq,) = await self._writer.write(record)
        else:
            once = Write(
                moderated_subject(request.request_id), payload, expected=0, ttl=moderation.RETRY_SECONDS
            )
            try:
                _, seq = await self._writer.write(once, record)
            except ConflictError:
                done = await self._done(request)
                if done is None:
                    raise UnavailableError(f"{once.subject} is taken and can't be read") from None
                return done
        self._members.directory.restrictions.put(restriction, seq, now)
        return restriction, seq

    async def _read(self, subject: str) -> Restriction | None:
        stored = await self._reader.last(subject)
        if stored is None:
            return None
        try:
            return RESTRICTION.read(stored.data)
        except NewerVersionError as error:
            raise UnavailableError(f"{stored.subject}: {error}") from error
        except ContractError:
            return None

    async def _still_banned(self, restriction: Restriction) -> bool:
        """Whether it is a ban of a name that was not replaced or lifted since, as before a late retry."""
        if restriction.kind is not RestrictionKind.BAN or restriction.name is None:
            return False
        return await self._read(restriction_subject(restriction.id)) == restriction

    async def _turn_out(self, ban: Restriction) -> int:
        """Remove the holder of the banned name. Returns the sequence of their record, 0 if there is none."""
        held = None if ban.name is None else self._members.directory.name(name_key(ban.name))
        if held is None or held.user_id is None:
            return 0

        def decide(member: Member | None) -> Change | None:
            if member is None:
                return None
            return people.leave(member, frozenset(), LeaveManner.EXIT, self._clock(), self._graces)

        _, seq = await self._members.change(held.user_id, decide)
        return seq
