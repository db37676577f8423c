"""The user list of course clients: a bare JSON array, sent to all of them whenever it may have changed."""

import asyncio

from pydantic import TypeAdapter

from opsroom_contracts.chat.models import User
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.projections.members import MemberProjection
from opsroom_gateway.transport.encoding import text_frame

_JOIN_DELAY_SECONDS = 0.05
"""A new user's own client must have read the registration's response before the list contains it."""
_MIN_INTERVAL_SECONDS = 0.02
"""Minimum interval of lists while many clients connect."""

_USERS = TypeAdapter(tuple[User, ...])


class UserListPusher:
    """Publishes the list; pushes that are due together are combined."""

    def __init__(self, members: MemberProjection, readers: Broadcaster) -> None:
        self._members = members
        self._readers = readers
        self._version = -1
        self._frame = b""
        self._timer: asyncio.TimerHandle | None = None
        self._pushed_at = 0.0
        self._seen = (0, 0)

    def on_change(self) -> None:
        """Push the list if it has changed, immediately if somebody left.

        The list is not rendered here: with many users, each change would cost as much as the whole list.
        """
        seen, self._seen = self._seen, (self._members.version, self._members.count)
        if self._seen != seen:
            self.push(_JOIN_DELAY_SECONDS if self._seen[1] > seen[1] else 0.0)

    def push(self, delay: float = 0.0) -> None:
        """Send the list to everybody after ``delay`` seconds, or sooner if a push is already due sooner."""
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
        """Cancel the pending push."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _push(self) -> None:
        self._timer = None
        self._pushed_at = asyncio.get_running_loop().time()
        self._rebuild()
        self._readers.publish(self._frame)

    def _rebuild(self) -> None:
        """Render the frame again if the list has changed."""
        if self._version != self._members.version:
            self._version = self._members.version
            self._frame = text_frame(_USERS.dump_json(self._members.listed()))
