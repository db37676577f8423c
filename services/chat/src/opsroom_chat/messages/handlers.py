"""Handlers that send messages, with deduplication, and read the history."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opsroom_chat.changes.people import has_name
from opsroom_chat.changes.threads import Threads
from opsroom_chat.domain.changes import Readable, place_of, sent_at
from opsroom_chat.domain.names import name_keys
from opsroom_chat.domain.tokens import message_id
from opsroom_chat.files.records import Attached, FileRecords
from opsroom_chat.members.bot_owners import owner_of
from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.members.repository import MemberRepository
from opsroom_chat.messages.mentions import MentionFinder
from opsroom_chat.messages.past import Past
from opsroom_chat.messages.replies import check_command, with_trigger
from opsroom_chat.messages.store import Added, MessageStore
from opsroom_chat.rooms.access import RoomAccess
from opsroom_contracts import endpoints
from opsroom_contracts.chat.events import MESSAGE_STATE, MessageEvent
from opsroom_contracts.chat.models import (
    GUEST,
    HistoryReply,
    HistoryRequest,
    Member,
    MemberStatus,
    SendBatchReply,
    SendBatchRequest,
    SendReply,
    SendRequest,
    SendResult,
    User,
)
from opsroom_contracts.chat.restrictions import refusal
from opsroom_contracts.errors import RETRYABLE, ErrorCode, Fault, FaultError, refuse
from opsroom_contracts.identity import (
    Identity,
    granted_identity,
    is_bot,
)
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_contracts.text import NameRuleError, clean_name, is_blank
from opsroom_messaging.client.microservice import MicroService, fault_of
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_messaging.jetstream.writes import Write


@dataclass(frozen=True, slots=True)
class _New:
    """A message to store, and what is stored in one batch with it."""

    event: MessageEvent
    others: tuple[Write, ...] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """What a message has beside its text: files, mentions, and the thread that it replies to."""

    files: FileRecords
    mentions: MentionFinder
    threads: Threads


class Messages:
    """Handlers of ``chat.send``, ``chat.send-batch`` and ``chat.history``."""

    def __init__(
        self,
        members: MemberRepository,
        store: MessageStore,
        history: Past,
        *,
        access: RoomAccess,
        contents: Contents,
        clock: Clock,
    ) -> None:
        self._members = members
        self._store = store
        self._history = history
        self._access = access
        self._mentions = contents.mentions
        self._threads = contents.threads
        self._clock = clock
        self._files = contents.files

    @property
    def malformed(self) -> int:
        """How many stored messages were skipped because they fit no contract."""
        return self._history.malformed

    def register(self, service: MicroService) -> None:
        """Add the handlers to ``service``."""
        service.add(endpoints.SEND, self.send)
        service.add(endpoints.SEND_BATCH, self.send_batch)
        service.add(endpoints.HISTORY, self.history)
        service.add(endpoints.THREAD, self._threads.page)

    async def send(self, request: SendRequest) -> SendReply:
        """Store a message and reply once it is stored.

        The message's id is derived from the sender and the client's id, and is stored at most once. A retry
        therefore finds the first message for as long as the stream keeps it. Relayed frames are
        deduplicated by the id alone, which the gateway generates: on retry the sender may already have left.

        Raises:
            FaultError: ``room_unknown``, ``user_unknown``, ``invalid_request`` (blank text), ``forbidden``,
                ``muted``, ``banned``, ``file_unknown``.
        """
        new = await self._event(request)
        return _reply(new.event, await self._store.add(new.event, new.others))

    async def send_batch(self, request: SendBatchRequest) -> SendBatchReply:
        """Store messages in their order, together if possible; each is stored or refused as by ``send``.

        After one that can't be stored now, those behind it are refused, too.
        """
        prepared = await self._prepared(request.messages)
        events: dict[str, MessageEvent] = {}
        others: dict[str, tuple[Write, ...]] = {}
        for one in prepared:
            if isinstance(one, _New) and one.event.id not in events:
                events[one.event.id], others[one.event.id] = one.event, one.others
        added = dict(zip(events, await self._store.add_all(tuple(events.values()), others), strict=True))
        results: list[SendResult] = []
        for one in prepared:
            if isinstance(one, Fault):
                results.append(SendResult(fault=one))
            else:
                first = events[one.event.id]
                results.append(_result(first, added[first.id], is_repeated=one.event is not first))
        return SendBatchReply(results=tuple(results))

    async def _prepared(self, requests: Sequence[SendRequest]) -> list[_New | Fault]:
        """Return the event of each message, or why it is refused."""
        prepared: list[_New | Fault] = []
        for request in requests:
            try:
                prepared.append(await self._event(request))
            except Exception as error:  # noqa: BLE001 - each message is refused as if it had come alone
                fault = fault_of(error, endpoints.SEND_BATCH.subject)
                prepared.append(fault)
                if fault.code in RETRYABLE:
                    break
        return [*prepared, *[prepared[-1]] * (len(requests) - len(prepared))]

    async def _event(self, request: SendRequest) -> _New:
        """Return the event to store, unless the message is refused."""
        if is_blank(request.text) and not request.files:
            raise refuse(ErrorCode.INVALID_REQUEST, "text: must not be blank", field="text")
        check_command(request)
        members_seq = await self._check_room(request)
        root = await self._check_thread(request)
        sender, identity = await self._sender(request)
        event = MessageEvent(
            id=_id_of(request),
            room=request.room,
            user=sender,
            text=request.text,
            timestamp=to_milliseconds(self._clock()),
            client_id=request.client_id,
            raw=request.raw,
            members_seq=members_seq,
            thread=request.thread,
            broadcast=request.broadcast or None,
            mentions=None if request.raw else self._mentions.find(request.room, sender.id, request.text),
        )
        await self._check_may_send(sender.name, identity, event)
        if is_bot(sender.id):
            await self._check_may_send(*await owner_of(self._members, sender), event)
        if request.raw is not None:
            await self._check_claimed_name(request.guest_name, event)
        if root is not None:
            await self._threads.follow(root, sender.id, event.mentions)
        if request.command is not None:
            return _New(*with_trigger(event, request.command))
        if not request.files:
            return _New(event)
        attached = await self._attached(request.files, event)
        return _New(event.model_copy(update={"files": attached.files or None}), attached.writes)

    async def _attached(self, ids: Sequence[str], event: MessageEvent) -> Attached:
        """Return the files of a message, or none if this is a retry of one that is stored already."""
        try:
            return await self._files.attach(ids, event.user.id, event.room, event.id)
        except FaultError:
            if await self._store.find(event.room, event.id) is None:
                raise
            return Attached((), ())

    async def _check_may_send(self, name: str, identity: Identity | None, event: MessageEvent) -> None:
        """Refuse muted and banned senders, unless this is a retry of a message that is stored already."""
        restrictions, now = self._members.index.restrictions, self._clock()
        held = restrictions.mute_of(name, now, identity) or restrictions.ban_of(name, now, identity)
        if held is not None and await self._store.find(event.room, event.id) is None:
            raise refusal(held)

    async def _check_claimed_name(self, claimed: str | None, event: MessageEvent) -> None:
        """Refuse a relayed frame that names a muted or banned user, also if another user sends it."""
        name = claimed or ""
        if len(self._members.index.restrictions) and not is_blank(name):
            identity = self._members.index.identity_of_name(name)
            await self._check_may_send(name, identity, event)

    async def history(self, request: HistoryRequest) -> HistoryReply:
        """Return a page of a room's messages in ascending order.

        Raises:
            FaultError: ``room_unknown``, ``invalid_request`` (``before`` and ``after`` both).
        """
        await self._access.check_may_read(request.user_id, request.room)
        if request.before is not None and request.after is not None:
            raise refuse(ErrorCode.INVALID_REQUEST, "before: must not be combined with after", field="before")
        return await self._history.page(request)

    async def _sender(self, request: SendRequest) -> tuple[User, Identity | None]:
        if request.user_id is None:
            return self._guest(request), None
        sender = await self._members.find(request.user_id, self._may_speak(request))
        if sender is None and request.raw is not None:
            return self._guest(request), None  # its gateway knew the user, who has left since
        if sender is None:
            message = f"no user with the id {request.user_id} is here, or has kept their name"
            raise refuse(ErrorCode.USER_UNKNOWN, message, field="userId")
        return sender.user, granted_identity(sender.grant)

    def _may_speak(self, request: SendRequest) -> Callable[[Member], bool]:
        """Return what a sender must be: a course client connected, others known by their token."""
        index = self._members.index
        if request.raw is not None:
            return lambda member: member.status is not MemberStatus.AWAY
        return lambda member: has_name(index, member)

    def _guest(self, request: SendRequest) -> User:
        """Return an unidentified sender, with the name they gave unless a member with a token holds it."""
        if request.raw is None:
            raise refuse(ErrorCode.INVALID_REQUEST, "userId: is required", field="userId")
        try:
            name = clean_name(request.guest_name or "")
        except NameRuleError:
            return GUEST
        index = self._members.index
        holders = (index.member(user_id) for user_id in index.holders(name_keys(name)))
        if any(holder is not None and holder.member.dialect.has_tokens for holder in holders):
            return GUEST
        return User(id=GUEST.id, name=name)

    async def _check_room(self, request: SendRequest) -> int | None:
        """Refuse who may not send to the room, unless this is a retry of a message that is stored already."""
        try:
            return await self._access.check_may_send(request.user_id, request.room)
        except FaultError as error:
            is_known = error.fault.code in {ErrorCode.FORBIDDEN, ErrorCode.ROOM_UNKNOWN}
            if not is_known or not await self._is_stored(request):
                raise
            return 0

    async def _check_thread(self, request: SendRequest) -> Readable | None:
        """Return the message that a reply names.

        Replies to what can't have any are refused, unless this is a retry of one that is stored already.
        """
        if request.thread is None:
            if request.broadcast:
                message = "broadcast: belongs to replies; name the thread"
                raise refuse(ErrorCode.INVALID_REQUEST, message, field="broadcast")
            return None
        try:
            return await self._threads.check(request.room, request.thread)
        except FaultError as error:
            if error.fault.code in RETRYABLE or not await self._is_stored(request):
                raise
            return None

    async def _is_stored(self, request: SendRequest) -> bool:
        return await self._store.find(request.room, _id_of(request)) is not None


def _id_of(request: SendRequest) -> str:
    sender = None if request.raw is not None else request.user_id
    return message_id(sender or GUEST.id, request.client_id)


def _reply(event: MessageEvent, added: int | StreamMessage) -> SendReply:
    if isinstance(added, StreamMessage):
        return _duplicate_reply(added)
    return SendReply(seq=added, id=event.id, timestamp=event.timestamp)


def _result(event: MessageEvent, added: Added, *, is_repeated: bool) -> SendResult:
    """Return the outcome of a message of a batch; ``is_repeated``: one before it has the same id."""
    try:
        if isinstance(added, Exception):
            raise added
        reply = _reply(event, added)
    except Exception as error:  # noqa: BLE001 - as in ``_prepared``
        return SendResult(fault=fault_of(error, endpoints.SEND_BATCH.subject))
    return SendResult(reply=reply.model_copy(update={"duplicate": True}) if is_repeated else reply)


def _duplicate_reply(stored: StreamMessage) -> SendReply:
    try:
        event = MESSAGE_STATE.read(stored.data)
    except NewerVersionError as error:
        raise UnavailableError(f"{stored.subject}: {error}") from error
    except ContractError:
        message = "this id is used by something that is not a message; send with another id"
        raise refuse(ErrorCode.IDEMPOTENCY_MISMATCH, message, field="clientId") from None
    seq, moment = place_of(event, stored.seq), sent_at(event)
    return SendReply(seq=seq, id=event.id, timestamp=moment, duplicate=True)
