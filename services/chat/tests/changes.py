"""Requests that change messages, and a reader who keeps a room up to date by its events."""

from dataclasses import dataclass, field
from uuid import uuid4

from opsroom_contracts import endpoints
from opsroom_contracts.chat.frames import (
    EditedFrame,
    MessageFrame,
    PinnedFrame,
    ReactionFrame,
    RemovedFrame,
    StoredFrame,
)
from opsroom_contracts.chat.models import (
    REACTORS_MAX,
    DeleteRequest,
    EditRequest,
    HistoryReply,
    HistoryRequest,
    Message,
    PinRequest,
    PinsReply,
    PinsRequest,
    Reactions,
    ReactRequest,
    SendReply,
    SendRequest,
    ThreadReply,
    ThreadRequest,
)
from opsroom_contracts.serialization.model import copy_fields
from services.chat.tests.harness import Chat


@dataclass(frozen=True)
class Author:
    """A person who changes messages of a room."""

    chat: Chat
    user_id: str
    room: str = "general"

    async def edit(self, message_id: str, text: str, client_id: str | None = None) -> SendReply:
        request = EditRequest(**self._about(message_id, client_id), text=text)
        return await self.chat.requester.request(endpoints.EDIT, request)

    async def delete(self, message_id: str) -> SendReply:
        return await self.chat.requester.request(endpoints.DELETE, DeleteRequest(**self._about(message_id)))

    async def react(self, message_id: str, emoji: str = "👍", *, on: bool = True) -> SendReply:
        request = ReactRequest(**self._about(message_id), emoji=emoji, on=on)
        return await self.chat.requester.request(endpoints.REACT, request)

    async def pin(self, message_id: str, *, on: bool = True) -> SendReply:
        return await self.chat.requester.request(endpoints.PIN, PinRequest(**self._about(message_id), on=on))

    async def reply(self, thread: str, text: str, *, broadcast: bool) -> SendReply:
        request = SendRequest(
            user_id=self.user_id,
            client_id=uuid4().hex,
            room=self.room,
            text=text,
            thread=thread,
            broadcast=broadcast,
        )
        return await self.chat.requester.request(endpoints.SEND, request)

    async def thread(self, message_id: str) -> ThreadReply:
        request = ThreadRequest(room=self.room, id=message_id, user_id=self.user_id, limit=200)
        return await self.chat.requester.request(endpoints.THREAD, request)

    async def pins(self) -> PinsReply:
        request = PinsRequest(room=self.room, user_id=self.user_id)
        return await self.chat.requester.request(endpoints.PINS, request)

    async def page(self, **query: int) -> HistoryReply:
        request = HistoryRequest(room=self.room, user_id=self.user_id, **query)
        return await self.chat.requester.request(endpoints.HISTORY, request)

    def _about(self, message_id: str, client_id: str | None = None) -> dict[str, str]:
        key = client_id or uuid4().hex
        return {"user_id": self.user_id, "client_id": key, "room": self.room, "id": message_id}


@dataclass
class Reader:
    """What a client shows of a room: a snapshot, and the events after it.

    An event changes nothing that the snapshot has already, so the two may overlap. ``early``: changes of
    messages that are not known yet. When a client resumes, they come before the edited message.
    """

    user_id: str
    shown: dict[str, Message] = field(default_factory=dict)
    early: dict[str, list[ReactionFrame | PinnedFrame]] = field(default_factory=dict)

    def load(self, page: HistoryReply) -> None:
        """Show a page of history."""
        self.shown |= {message.id: message for message in page.messages}

    def apply(self, frame: StoredFrame) -> None:
        """Apply an event."""
        match frame:
            case MessageFrame() if _is_hidden(frame):
                pass
            case EditedFrame() if _is_hidden(frame.message):
                pass
            case MessageFrame():
                self.shown.setdefault(frame.id, copy_fields(frame, Message))
            case RemovedFrame():
                self.shown.pop(frame.id, None)
                self.early.pop(frame.id, None)
            case EditedFrame():
                self._edit(frame.message)
            case ReactionFrame() | PinnedFrame() if frame.id not in self.shown:
                self.early.setdefault(frame.id, []).append(frame)
            case PinnedFrame():
                self._update(frame.id, pinned=frame.on or None)
            case ReactionFrame():
                reactions = self._with(self.shown[frame.id].reactions or (), frame)
                self._update(frame.id, reactions=reactions or None)

    def _edit(self, message: Message) -> None:
        known = self.shown.get(message.id)
        if known is None:  # it was sent after the snapshot, and its first event is erased
            self.shown[message.id] = message
            for frame in self.early.pop(message.id, ()):
                self.apply(frame)
        else:
            self.shown[message.id] = message.model_copy(
                update={"reactions": known.reactions, "pinned": known.pinned}
            )

    def _update(self, message_id: str, **changes: object) -> None:
        self.shown[message_id] = self.shown[message_id].model_copy(update=changes)

    def _with(self, before: tuple[Reactions, ...], frame: ReactionFrame) -> tuple[Reactions, ...]:
        known = next((one for one in before if one.emoji == frame.emoji), None)
        users = () if known is None else known.users
        others = tuple(one for one in users if one.id != frame.user.id)
        is_there = len(others) < len(users)
        users = others if not frame.on else users if is_there else (*users, frame.user)
        me = frame.on if frame.user.id == self.user_id else known is not None and known.me
        new = Reactions(
            emoji=frame.emoji, count=max(frame.count, 1), users=users[:REACTORS_MAX], me=me or None
        )
        if frame.count == 0:
            return tuple(one for one in before if one is not known)
        if known is None:
            return (*before, new)
        return tuple(new if one is known else one for one in before)

    def messages(self) -> list[Message]:
        """Return what is shown, in the order of the room; the order of emoji does not count."""
        return sorted((in_order(one) for one in self.shown.values()), key=lambda one: one.seq)


def _is_hidden(message: Message) -> bool:
    """Whether only its thread shows a message."""
    return message.thread is not None and not message.broadcast


def in_order(message: Message) -> Message:
    """Return a message with its reactions in the order of their emoji, and without its thread's summary."""
    message = message.model_copy(update={"replies": None})
    if message.reactions is None:
        return message
    ordered = tuple(
        one.model_copy(update={"users": tuple(sorted(one.users, key=lambda user: user.id))})
        for one in sorted(message.reactions, key=lambda one: one.emoji)
    )
    return message.model_copy(update={"reactions": ordered})
