"""Holds messages of rooms until this process knows who was in the room when they were sent."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime

from opsroom_contracts.chat.events import CHAT_EVENT
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.subjects import is_created_room
from opsroom_messaging.jetstream.stream_handler import Restart, StreamHandler
from opsroom_messaging.jetstream.stream_reader import StreamMessage


class MembershipGate:
    """Passes messages on in their order.

    A message of a room that not everybody is in waits until the memberships by which its sender was allowed
    to send are applied, and all later ones wait behind it. So nobody gets a message that was stored after
    they were removed.

    Attributes:
        given_up: how many messages were passed on without that, after their readers were disconnected.
    """

    def __init__(
        self,
        handler: StreamHandler,
        members_seq: Callable[[], int],
        disconnect: Callable[[str], None],
        *,
        seconds: float = 2.0,
    ) -> None:
        """``members_seq``: the sequence of ``MEMBERS`` that is applied; call ``advance`` when it rises.

        ``disconnect``: disconnects the readers of a room. ``seconds``: how long messages are held; a gateway
        that is further behind is not of much use to the room.
        """
        self.given_up = 0
        self._handler = handler
        self._seconds = seconds
        self._members_seq = members_seq
        self._disconnect = disconnect
        self._held: deque[tuple[int, str, StreamMessage]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._sync_pending = False

    def advance(self, _seq: int) -> None:
        """Pass on what no longer has to wait."""
        while self._held and self._held[0][0] <= self._members_seq():
            self._handler.on_message(self._held.popleft()[2])
            self._stop_timer()
        self._continue()

    def on_restart(self, restart: Restart) -> None:
        """Pass on what is held, unless the stream is read again."""
        if restart.reset:
            self._held.clear()
        while self._held:
            self._give_up()
        self._stop_timer()
        self._sync_pending = False
        self._handler.on_restart(restart)

    def on_message(self, message: StreamMessage) -> None:
        """Pass a message on, or hold it."""
        needed, room = _needed(message)
        if not self._held and needed <= self._members_seq():
            self._handler.on_message(message)
            return
        self._held.append((needed, room, message))
        self._continue()

    def on_synced(self) -> None:
        """Pass on, after what is held."""
        self._sync_pending = True
        self._continue()

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:
        """Pass on."""
        return self._handler.on_trimmed(first_seq, horizon)

    def _continue(self) -> None:
        if self._held:
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(self._seconds, self._on_timer)
        elif self._sync_pending:
            self._sync_pending = False
            self._handler.on_synced()

    def _on_timer(self) -> None:
        self._timer = None
        self._give_up()
        self.advance(0)

    def _give_up(self) -> None:
        """Pass the first message on. Its readers get it when they reconnect, if they are still members."""
        _, room, message = self._held.popleft()
        self._disconnect(room)
        self.given_up += 1
        self._handler.on_message(message)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _needed(message: StreamMessage) -> tuple[int, str]:
    """Return the sequence of ``MEMBERS`` that a message waits for (0: none), and its room."""
    room = message.subject.split(".")[2]
    if not is_created_room(room):
        return 0, room
    try:
        return CHAT_EVENT.read(message.data).members_seq or 0, room
    except ContractError:
        return 0, room
