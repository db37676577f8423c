"""The threads that users follow: changes of their records are reported to their sockets."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from opsroom_contracts.chat.frames import ThreadsNotice
from opsroom_contracts.chat.threads import FOLLOWED_THREADS, ThreadPosition, ThreadUnread
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.subjects import follows_subject
from opsroom_gateway.transport.connection import ClientConnection
from opsroom_gateway.transport.encoding import text_frame
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage

_PREFIX = follows_subject("")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Follower:
    """A user with sockets that want to know. ``known``: what was reported; None: nothing yet."""

    sockets: set[ClientConnection] = field(default_factory=set)
    known: Mapping[str, ThreadPosition] | None = None


class FollowedThreadsProjection:
    """Reports what has changed in a record since the one before.

    Only users with such a socket cost memory. The first record after a user's first socket is reported
    completely: what their clients requested before may be older or newer, and each entry says up to where.
    """

    def __init__(self) -> None:
        self.malformed = 0
        self._followers: dict[str, _Follower] = {}

    @staticmethod
    def is_mine(subject: str) -> bool:
        """Whether a record of the stream is one of these."""
        return subject.startswith(_PREFIX)

    def attach(self, socket: ClientConnection, user_id: str) -> None:
        """Report changes to a socket from now on."""
        follower = self._followers.setdefault(user_id, _Follower())
        follower.sockets.add(socket)
        follower.known = None

    def detach(self, socket: ClientConnection, user_id: str) -> None:
        """Stop reporting to a socket."""
        follower = self._followers.get(user_id)
        if follower is None:
            return
        follower.sockets.discard(socket)
        if not follower.sockets:
            del self._followers[user_id]

    def on_restart(self, restart: Restart) -> None:
        """Continue: each record is complete. Those of another stream are reported completely."""
        if restart.reset:
            for follower in self._followers.values():
                follower.known = None

    def on_message(self, message: StreamMessage) -> None:
        """Report what a record changes to the sockets of its user."""
        user_id = message.subject.removeprefix(_PREFIX)
        follower = self._followers.get(user_id)
        if follower is None:
            return  # the usual case, so nothing is decoded
        try:
            threads = FOLLOWED_THREADS.read(message.data).threads
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)
            return
        changed = _changed(follower.known or {}, threads)
        follower.known = threads
        if changed:
            data = text_frame(encode(ThreadsNotice(threads=changed)))
            for socket in follower.sockets:
                socket.write(data)

    def on_synced(self) -> None:
        """Nothing: each record is reported when it arrives."""

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Nothing is lost with an old record."""
        return False


def _changed(
    before: Mapping[str, ThreadPosition], after: Mapping[str, ThreadPosition]
) -> tuple[ThreadUnread, ...]:
    """Return the threads that differ; those that made room for others are no longer followed."""
    changed = [_view(thread, one) for thread, one in after.items() if before.get(thread) != one]
    gone = [
        _view(thread, one.model_copy(update={"following": False, "unread": 0}))
        for thread, one in before.items()
        if thread not in after and one.following
    ]
    return (*changed, *gone)


def _view(thread: str, one: ThreadPosition) -> ThreadUnread:
    return ThreadUnread(
        room=one.room,
        id=thread,
        following=one.following,
        read=one.read,
        unread=one.unread,
        as_of=one.as_of,
    )
