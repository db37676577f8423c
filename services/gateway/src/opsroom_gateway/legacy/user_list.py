"""The user list that course clients are sent: a bare JSON array, to everyone, when it may have changed."""

import asyncio

from pydantic import TypeAdapter

from opsroom_contracts.chat import User
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.projections.members import MemberProjection
from opsroom_gateway.transport.encoding import text_frame

_JOIN_DELAY_SECONDS = 0.05
"""A newcomer's own client must have read the answer to its registration before the list names it."""
_MIN_INTERVAL_SECONDS = 0.02
"""Under a rush of connects the list goes out this often at the most."""

_USERS = TypeAdapter(tuple[User, ...])


class UserListPusher:
    """Pushes the list to a hub; pushes that are due together are one."""

    def __init__(self, members: MemberProjection, readers: Broadcaster) -> None:
        self._members = members
        self._readers = readers
        self._version = -1
        self._frame = b""
        self._timer: asyncio.TimerHandle | None = None
        self._pushed_at = 0.0
        self._seen = (0, 0)

    def on_change(self) -> None:
        """The list may have changed: push if it did, at once where someone left.

        It is not made here: among very many people each change would cost as much as all of them.
        """
        seen, self._seen = self._seen, (self._members.version, self._members.count)
        if self._seen != seen:
            self.push(_JOIN_DELAY_SECONDS if self._seen[1] > seen[1] else 0.0)

    def push(self, delay: float = 0.0) -> None:
        """Send the list to everybody after ``delay`` seconds, or sooner if a push is due sooner."""
        if not len(self._readers):
            return
        loop = asyncio.get_running_loop()
        at = max(loop.time() + delay, self._pushed_at + _MIN_INTERVAL_SECONDS)
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = loop.call_at(at, self._push)

    def close(self) -> None:
        """Push no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _push(self) -> None:
        self._timer = None
        self._pushed_at = asyncio.get_running_loop().time()
        self._rebuild()
        self._readers.publish(self._frame)

    def _rebuild(self) -> None:
        """Make the frame anew if the list has changed."""
        if self._version != self._members.version:
            self._version = self._members.version
            self._frame = text_frame(_USERS.dump_json(self._members.listed()))
