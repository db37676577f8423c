"""The user list of course clients: a bare JSON array, sent to all of them whenever it may have changed."""

import asyncio

from pydantic import TypeAdapter

from opsroom_contracts.chat.models import User
from opsroom_gateway.domain.user_list import UserList
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.transport.encoding import text_frame
from opsroom_gateway.transport.websocket.connection import WebSocketConnection

_JOIN_DELAY_SECONDS = 0.05
"""A new user's own client must have read the registration's response before the list contains it."""
_MIN_INTERVAL_SECONDS = 0.02
"""Minimum interval of lists while many clients connect."""
_UNCHANGED_INTERVAL_SECONDS = 1.0
"""Minimum interval of the same list again, which each connect causes."""
_BYTES_PER_SECOND = 256 * 1024
"""How much a reader must be able to read of the lists: 2 Mbit/s."""

_USERS = TypeAdapter(tuple[User, ...])


class UserListPusher:
    """Publishes the list; pushes that are due together are combined."""

    def __init__(self, users: UserList, readers: Broadcaster) -> None:
        self._users = users
        self._readers = readers
        self._version = -1
        self._frame = b""
        self._rendered_at = 0.0
        self._new: list[WebSocketConnection] = []
        """New readers that get the list with the next rendering of it."""
        self._new_timer: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pushed_at = 0.0
        self._seen = (0, 0)

    def on_change(self) -> None:
        """Push the list if it has changed, immediately if somebody left.

        The list is not rendered here: with many users, each change would cost as much as the whole list.
        """
        seen, self._seen = self._seen, (self._users.version, len(self._users))
        if self._seen != seen:
            self.push(_JOIN_DELAY_SECONDS if self._seen[1] > seen[1] else 0.0)

    def welcome(self, reader: WebSocketConnection) -> None:
        """Send the list to a new reader at once, and to everybody soon, as the contract has it.

        If it has not changed, the others get it at most once a second. Otherwise one client could make every
        reader receive lists as fast as it connects. While many join, it is rendered once for all that came
        in a ``_MIN_INTERVAL_SECONDS``, not for each.
        """
        changed = self._version != self._users.version
        loop = asyncio.get_running_loop()
        rendered_next = self._rendered_at + _MIN_INTERVAL_SECONDS
        if not changed or loop.time() >= rendered_next:
            self._rebuild()
            reader.write(self._frame)
        else:
            self._new.append(reader)
            if self._new_timer is None:
                self._new_timer = loop.call_at(rendered_next, self._welcome_new)
        self._push_after(0.0, _MIN_INTERVAL_SECONDS if changed else _UNCHANGED_INTERVAL_SECONDS)

    def push(self, delay: float = 0.0) -> None:
        """Send the list to everybody after ``delay`` seconds, or sooner if a push is already due sooner."""
        changed = self._version != self._users.version
        self._push_after(delay, _MIN_INTERVAL_SECONDS if changed else _UNCHANGED_INTERVAL_SECONDS)

    def _push_after(self, delay: float, interval: float) -> None:
        if not len(self._readers):
            return
        loop = asyncio.get_running_loop()
        interval = max(interval, len(self._frame) / _BYTES_PER_SECOND)
        at = max(loop.time() + delay, self._pushed_at + interval)
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = loop.call_at(at, self._push)

    def close(self) -> None:
        """Cancel what is pending."""
        for timer in (self._timer, self._new_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._new_timer = None

    def _welcome_new(self) -> None:
        self._new_timer = None
        new, self._new = self._new, []
        self._rebuild()
        for reader in new:
            reader.write(self._frame)

    def _push(self) -> None:
        self._timer = None
        self._pushed_at = asyncio.get_running_loop().time()
        self._new = []  # they are among the readers
        self._rebuild()
        self._readers.publish(self._frame)

    def _rebuild(self) -> None:
        """Render the frame again if the list has changed."""
        if self._version != self._users.version:
            self._version = self._users.version
            self._rendered_at = asyncio.get_running_loop().time()
            self._frame = text_frame(_USERS.dump_json(self._users.all()))
