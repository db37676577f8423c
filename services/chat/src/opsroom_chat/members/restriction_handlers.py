"""Handlers of mutes and bans. Every chat process and every gateway subscribes to the records."""

from itertools import chain

from opsroom_chat.domain import moderation, presence
from opsroom_chat.domain.names import name_keys
from opsroom_chat.domain.presence import Change, GracePeriods
from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.members.repository import MemberRepository
from opsroom_contracts.chat.models import LeaveReason, Member
from opsroom_contracts.chat.moderation import (
    RESTRICTION,
    RESTRICTIONS_MAX,
    LiftReply,
    LiftRequest,
    RestrictionKind,
    RestrictionRecord,
    RestrictionsReply,
    RestrictionsRequest,
    RestrictReply,
    RestrictRequest,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_contracts.subjects import moderated_subject, restriction_subject
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.writes import Write


class RestrictionHandlers:
    """Handlers of ``chat.restrict``, ``chat.lift`` and ``chat.restrictions``. The last write wins."""

    def __init__(
        self,
        members: MemberRepository,
        reader: StreamReader,
        writer: BatchWriter,
        grace_periods: GracePeriods,
        clock: Clock,
    ) -> None:
        self._members = members
        self._reader = reader
        self._writer = writer
        self._grace_periods = grace_periods
        self._clock = clock

    async def restrict(self, request: RestrictRequest) -> RestrictReply:
        """Mute or ban. A member banned by name has left the user list when this returns.

        Raises:
            FaultError: ``invalid_request``: the target is invalid, or the limit of restrictions is reached.
                ``idempotency_mismatch``: the request's id was used for another target.
        """
        new_restriction = moderation.restriction_of(request, self._clock())
        previous = await self._previous_outcome(request)
        if previous is not None and previous[0].id != new_restriction.id:
            message = "this idempotency key was used for another name or address"
            raise refuse(ErrorCode.IDEMPOTENCY_MISMATCH, message)
        if previous is None:
            self._check_limit(new_restriction)
            previous = await self._store(self._with_holders(new_restriction, request), request)
        restriction, seq = previous
        if await self._still_banned(restriction):
            # Stored after the ban, so that gateways close the sockets with the code for banned users.
            seq = max(seq, await self._remove_members(restriction))
        return RestrictReply(restriction=restriction.shown(), seq=seq)

    async def lift(self, request: LiftRequest) -> LiftReply:
        """Lift a mute or ban.

        The restriction is read before the outcome: if this request's first attempt has lifted it, the
        outcome, which was stored with it, can't be missing afterwards.

        Raises:
            FaultError: ``restriction_unknown``: it does not exist, has expired or was lifted.
        """
        known = await self._read(restriction_subject(request.id))
        previous = await self._previous_outcome(request)
        if previous is None:
            now = self._clock()
            if known is None or known.lifted or (known.until is not None and known.until <= now):
                message = f"no mute or ban with the id {request.id} is in force"
                raise refuse(ErrorCode.RESTRICTION_UNKNOWN, message, field="id")
            previous = await self._store(moderation.lifted(known, request.by, now), request)
        restriction, seq = previous
        return LiftReply(restriction=restriction.shown(), seq=seq)

    async def page(self, request: RestrictionsRequest) -> RestrictionsReply:
        """Return a page of the restrictions in force, as delivered to this process so far."""
        after = request.after or ""
        found = [one for one in self._members.index.restrictions.in_force(self._clock()) if one.id > after]
        found.sort(key=lambda one: one.id)
        shown = tuple(one.shown() for one in found[: request.limit])
        return RestrictionsReply(
            restrictions=shown, next=shown[-1].id if len(found) > request.limit else None
        )

    def _with_holders(self, restriction: RestrictionRecord, request: RestrictRequest) -> RestrictionRecord:
        """Return it with the identity of the name's holder, and those of the restriction that it replaces.

        Raises:
            FaultError: ``invalid_request``: the moderator would ban their own identity.
        """
        if restriction.name is None:
            return restriction
        holder = self._members.index.identity_of_name(restriction.name)
        replaced = self._members.index.restrictions.find(restriction.id, self._clock())
        identities = (() if holder is None else (holder,), () if replaced is None else replaced.identities)
        return moderation.covering(restriction, chain(*identities), request.by.identity)

    def _check_limit(self, new_restriction: RestrictionRecord) -> None:
        now, in_force = self._clock(), self._members.index.restrictions
        if in_force.find(new_restriction.id, now) is not None:
            return
        if sum(1 for _ in in_force.in_force(now)) >= RESTRICTIONS_MAX:
            message = f"the limit of {RESTRICTIONS_MAX} mutes and bans in force is reached: lift some first"
            raise refuse(ErrorCode.INVALID_REQUEST, message)

    async def _previous_outcome(
        self, request: RestrictRequest | LiftRequest
    ) -> tuple[RestrictionRecord, int] | None:
        """Return the result of an earlier request with the same id, and its sequence; None if this is new.

        The sequence is that of the restriction's newest record, because the record that the request stored
        may have been replaced since.
        """
        if request.request_id is None:
            return None
        restriction = await self._read(moderated_subject(request.request_id))
        if restriction is None:
            return None
        newest = await self._reader.last(restriction_subject(restriction.id))
        return restriction, 0 if newest is None else newest.seq

    async def _store(
        self, restriction: RestrictionRecord, request: RestrictRequest | LiftRequest
    ) -> tuple[RestrictionRecord, int]:
        """Store the record, and atomically the result of ``request``; return the earlier result of a retry.

        Raises:
            UnavailableError: the broker did not respond.
        """
        now = self._clock()
        payload = encode(restriction.stored())
        record = Write(
            restriction_subject(restriction.id),
            payload,
            ttl=moderation.ttl_of(restriction, now),
            replaces=True,
        )
        if request.request_id is None:
            (seq,) = await self._writer.write(record)
        else:
            result = Write(
                moderated_subject(request.request_id), payload, expected=0, ttl=moderation.RETRY_SECONDS
            )
            try:
                _, seq = await self._writer.write(result, record)
            except ConflictError:
                previous = await self._previous_outcome(request)
                if previous is None:
                    raise UnavailableError(f"{result.subject} exists but can't be read") from None
                return previous
        self._members.index.restrictions.put(restriction, seq, now)
        return restriction, seq

    async def _read(self, subject: str) -> RestrictionRecord | None:
        stored = await self._reader.last(subject)
        if stored is None:
            return None
        try:
            return RESTRICTION.read(stored.data)
        except NewerVersionError as error:
            raise UnavailableError(f"{stored.subject}: {error}") from error
        except ContractError:
            return None

    async def _still_banned(self, restriction: RestrictionRecord) -> bool:
        """Whether this is a name ban that is still the newest record; after a late retry it may not be."""
        if restriction.kind is not RestrictionKind.BAN or restriction.name is None:
            return False
        return await self._read(restriction_subject(restriction.id)) == restriction

    async def _remove_members(self, ban: RestrictionRecord) -> int:
        """Remove all members that the ban covers; return the sequence of the last change (0: nobody)."""
        covered = set(self._members.index.members_of(frozenset(ban.identities)))
        if ban.name is not None:
            covered |= self._members.index.holders(name_keys(ban.name))

        def decide(member: Member | None) -> Change | None:
            if member is None:
                return None
            return presence.leave(member, frozenset(), LeaveReason.EXIT, self._clock(), self._grace_periods)

        changes = [await self._members.change(user_id, decide) for user_id in sorted(covered)]
        return max((seq for _, seq in changes), default=0)
