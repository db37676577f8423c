"""Sends the messages of a user: several at once, each retried until it is acknowledged."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from tests.faults.clients.chat_socket import ChatSocket
from tests.faults.clients.recorder import Acknowledged, Recorder, notify
from tests.faults.clients.texts import room_of, text_of
from tests.faults.verification.history import Sent, digest

RETRY = {"unavailable", "overloaded", "idempotency_in_flight", "request_timeout"}
"""Errors after which a message is sent again. ``rate_limited`` is none: clients stay below the limits."""
_AGAIN_SECONDS = 0.1
_REPEATED = 0.003
"""The share of messages that are sent again although they were acknowledged."""

Frame = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SendPolicy:
    """Messages in flight at once, and seconds from an acknowledgement to the next message."""

    window: int
    pace: float


@dataclass(slots=True)
class _Said:
    """A message in flight, first sent at ``begun`` (0: not yet) and last at ``at``.

    ``repeated``: it was acknowledged before.
    """

    key: str
    begun: float
    at: float
    repeated: bool = False


class MessageSender:
    """The messages of a user, over all connections."""

    def __init__(self, recorder: Recorder, name: str, manner: SendPolicy) -> None:
        self._recorder = recorder
        self._name = name
        self._policy = manner
        self._owner = ""
        self._socket: ChatSocket | None = None
        self._number = 0
        self._under_way: dict[str, _Said] = {}
        self._thinking = 0
        self._left: int | None = None
        self._ended = asyncio.Event()

    @property
    def settled(self) -> bool:
        """Whether all messages are acknowledged."""
        return not self._under_way

    @property
    def oldest(self) -> float:
        """When the oldest message in flight was last sent; now, if there is none."""
        return min((said.at for said in self._under_way.values()), default=time.time())

    def begin(self, owner: str, messages: int | None = None) -> None:
        """Send messages as ``owner``; ``messages``: how many, None for no limit."""
        self._owner, self._left = owner, messages
        self._under_way.clear()
        for _ in range(self._policy.window - self._thinking):
            self._think()

    def connected(self, socket: ChatSocket) -> None:
        """Resend what is not acknowledged."""
        self._socket = socket
        for client_id in self._under_way:
            self._say(client_id)

    def disconnected(self) -> None:
        """Send nothing until the next connection."""
        self._socket = None

    async def ended(self) -> None:
        """Wait until the requested number of messages is acknowledged."""
        await self._ended.wait()

    def give_up(self) -> None:
        """Record how long the messages in flight have been tried; send no more."""
        for said in self._under_way.values():
            self._recorder.waited(said.begun or said.at, "a message", self._name)
        self._under_way.clear()

    def answered(self, frame: Frame) -> bool:
        """Handle an acknowledgement or an error. Returns whether it was for a message in flight."""
        client_id = frame.get("clientId")
        said = self._under_way.get(client_id or "")
        if client_id is None or said is None:
            return False
        if frame["type"] == "error" and frame["code"] in RETRY:
            asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._say, client_id)
            return True
        del self._under_way[client_id]
        if frame["type"] == "error":
            self._recorder.record_violation(
                f"{self._name} was refused {said.key}: {frame['code']} {frame['message']}"
            )
        else:
            sent = Acknowledged(said.key, int(frame["seq"]), frame["id"], room_of(said.key))
            self._recorder.record_ack(sent, said.begun, self._name, repeated=said.repeated)
        self._think()
        return True

    def _think(self) -> None:
        self._thinking += 1
        pace = self._policy.pace
        pause = self._recorder.rng.expovariate(1 / pace) if pace else 0.0
        asyncio.get_running_loop().call_later(pause, self._next)

    def _next(self) -> None:
        """Send the next message, or sometimes one again that was acknowledged before."""
        self._thinking -= 1
        if self._recorder.stopping.is_set() or self._left == 0:
            if not self._under_way:
                self._ended.set()
            return
        dice = self._recorder.rng
        number = dice.randint(1, self._number) if self._number and dice.random() < _REPEATED else 0
        repeated = number > 0 and f"c{number}" not in self._under_way
        if repeated:
            self._recorder.duplicates += 1
        else:
            if self._left is not None:
                self._left -= 1
            self._number += 1
            number = self._number
        key = f"{self._name}.{self._owner[:6]}.{number}"
        self._recorder.history.sent[key] = Sent(room_of(key), self._name, digest(text_of(key)))
        self._under_way[f"c{number}"] = _Said(key, 0.0, time.time(), repeated)
        self._say(f"c{number}")

    def _say(self, client_id: str) -> None:
        said = self._under_way.get(client_id)
        if said is None or self._socket is None:
            return
        said.at = time.time()
        said.begun = said.begun or said.at
        self._socket.send_json(
            {"type": "send", "clientId": client_id, "room": room_of(said.key), "text": text_of(said.key)}
        )
        notify(self._recorder.sending)
