"""A device of a person: a socket that follows rooms, counts what is unread, and sends positions."""

import asyncio
import json
from dataclasses import dataclass, field

from opsroom_client.unread import UnreadRooms
from opsroom_contracts.chat.frames import (
    SERVER_FRAME,
    EditedFrame,
    MessageFrame,
    ReadNotice,
    RemovedFrame,
    WelcomeFrame,
)
from opsroom_contracts.subjects import is_created_room
from tests.faults.clients.chat_clients import ChatClient
from tests.faults.clients.chat_sender import SendPolicy
from tests.faults.clients.http_client import Json
from tests.faults.clients.recorder import Recorder
from tests.faults.clients.team.room_view import RoomViews
from tests.faults.verification.history import ChatLife


@dataclass(slots=True)
class Account:
    """What the devices of a person share: the name, and the token of the first one that registers."""

    name: str
    token: str = ""
    owner: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def headers(self) -> dict[str, str]:
        """The header that authorizes a request."""
        return {"Authorization": f"Bearer {self.token}"}


class Device(ChatClient):
    """One of the devices of a person.

    Attributes:
        views: the rooms as this device shows them.
        unread: what is unread, as the Python client counts it.
        own: the rooms with members that the user is in, as far as this device knows.
    """

    def __init__(
        self, recorder: Recorder, ports: list[int], account: Account, number: int, away: float
    ) -> None:
        label = f"{account.name} ({number})"
        super().__init__(recorder, ports, account.name, SendPolicy(0, 0.0), away, label)
        self.account = account
        self.views = RoomViews()
        self.unread = UnreadRooms()
        self.own: set[str] = set()
        self.answers: dict[str, asyncio.Future[Json]] = {}
        self._new_positions: dict[str, int] = {}
        self._sent: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self._life: ChatLife | None = None

    async def register(self) -> None:
        """Register the person, or take over the token of the other device."""
        async with self.account.lock:
            if self.account.token and self.account.token != self._token:
                self._token, self._owner = self.account.token, self.account.owner
                return
            await super().register()
            self.account.token, self.account.owner = self._token, self._owner

    def read(self, room: str) -> None:
        """Mark a room as read up to the last message that this device has received."""
        last = self._last.get(room, 0)
        if self.socket is None or not last or last <= self._sent.get(room, 0):
            return
        if room not in self.unread.rooms or self._life is not self._recorder.chat:
            return
        self._sent[room] = last
        positions, who = self._recorder.team.positions, (self._owner, room)
        positions[who] = max(last, positions.get(who, 0))
        self._send_position(room, last)

    def _send_position(self, room: str, seq: int) -> None:
        if self.socket is not None:
            self.socket.send_json({"type": "read", "room": room, "seq": seq})

    def _hello(self) -> Json:
        return {**super()._hello(), "heartbeats": True, "unread": True}

    def arrived(self) -> None:
        """Send the positions again: a gateway may have stopped before they were stored."""
        super().arrived()
        for room, seq in self._new_positions.items():
            self._send_position(room, seq)
        for room, seq in self._sent.items():
            self._send_position(room, seq)

    def _receive(self, payload: bytes) -> None:
        super()._receive(payload)
        if payload.startswith(b'{"seq":'):
            self._follow(json.loads(payload), payload)

    def _other(self, frame: Json) -> None:
        kind = frame["type"]
        if kind in {"ack", "error"} and "clientId" in frame:
            answer = self.answers.pop(frame["clientId"], None)
            if answer is not None and not answer.done():
                answer.set_result(frame)
            return
        super()._other(frame)
        match kind:
            case "welcome":
                welcome = WelcomeFrame.model_validate_json(json.dumps(frame))
                self._new_positions = dict(self.unread.on_welcome(welcome.unread))
                self.own = {view["room"]["id"] for view in frame.get("rooms", ())}
                self._begin()
            case "reset":
                self.views.clear()
                self.unread.on_reset(int(frame["seq"]))
                self._sent.clear()
                self._last.clear()
                self._life = self._recorder.chat_of(frame.get("epoch"))
            case "heartbeat":
                self.reading.heartbeat(frame)
            case "room" if "role" in frame:
                self.own.add(frame["room"]["id"])
            case "room":
                self._leave_room(frame["room"]["id"])
            case "message" | "edited" | "removed" | "reaction" | "pinned" | "read":
                self._follow(frame, json.dumps(frame).encode())

    def _begin(self) -> None:
        """After a welcome: rooms may have been left meanwhile."""
        self._life = self._recorder.chat_of(self.reading.epoch)
        for room in {*self.views.rooms, *self._sent, *self._last}:
            if is_created_room(room) and room not in self.own:
                self._leave_room(room)

    def _leave_room(self, room: str) -> None:
        self.own.discard(room)
        self.views.drop(room)
        self.unread.rooms.pop(room, None)
        self._sent.pop(room, None)
        self._last.pop(room, None)

    def _follow(self, frame: Json, payload: bytes) -> None:
        if frame["type"] == "message" and "thread" not in frame:
            self._last[frame["room"]] = int(frame["seq"])
        if frame["type"] != "read":
            self.views.apply(frame)
        if frame["type"] in {"message", "read", "removed", "edited"}:
            again = self._count(payload)
            if again is not None:
                self._send_position(frame["room"], again)

    def _count(self, payload: bytes) -> int | None:
        """Follow what is unread. Returns the position to send again, if the server has to count."""
        match SERVER_FRAME.validate_json(payload):
            case MessageFrame() as event:
                self.unread.on_message(event, self._owner)
            case EditedFrame() as event:
                return self.unread.on_edited(event, self._owner)
            case ReadNotice() as event:
                self.unread.on_notice(event)
            case RemovedFrame() as event:
                return self.unread.must_ask(event.room, event.message_seq)
            case _:
                pass
        return None
