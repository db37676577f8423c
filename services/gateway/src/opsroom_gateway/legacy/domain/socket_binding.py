"""Binding of sockets to users, in a contract whose sockets carry no identity.

What a socket's frames name counts most (*claimed*). Before its first frame, a socket is bound to a
registration from the same origin (address and browser) just before or after it opened (*guessed*). A claim
replaces a guess; only another claim or an exit replaces a claim. An exit that names another user is accepted
only if that user is not bound more reliably and registered from the same address.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum


class BindingSource(Enum):
    """How a socket was bound to its user."""

    GUESSED = "guessed"
    CLAIMED = "claimed"


def same_address(one: str | None, other: str) -> bool:
    """Return whether two origins have the same address, if not the same browser: up to the dot."""
    return one is not None and one.partition(".")[0] == other.partition(".")[0]


@dataclass(slots=True)
class BoundSocket:
    """A socket and its user, if known."""

    id: str
    origin: str
    user_id: str | None = None
    source: BindingSource | None = None
    exited: set[str] = field(default_factory=set)
    """Users who exited over this socket: it is not bound to them again by a guess."""


@dataclass(frozen=True, slots=True)
class Rebind:
    """A change for the chat service: ``socket_id`` leaves ``old_user`` and joins ``new_user``.

    ``displaced``: the socket never was ``old_user``'s, who must get more time to open one.
    """

    socket_id: str
    old_user: str | None
    new_user: str | None
    displaced: bool = False


class Binding:
    """The sockets of this process and their users. Methods return the resulting changes."""

    def __init__(self) -> None:
        self._sockets: dict[str, BoundSocket] = {}

    def open(self, socket_id: str, origin: str, waiting: Iterable[str]) -> list[Rebind]:
        """Add a socket. ``waiting``: users registered from its origin without a socket, newest first."""
        socket = BoundSocket(socket_id, origin)
        self._sockets[socket_id] = socket
        taken = {other.user_id for other in self._sockets.values()}
        for user_id in waiting:
            if user_id not in taken:
                return [self._rebind(socket, user_id, BindingSource.GUESSED)]
        return []

    def registered(self, user_id: str, origin: str) -> list[Rebind]:
        """Bind the newest unbound socket from ``origin`` to a user who registered from there."""
        if self._has_socket(user_id):
            return []
        for socket in reversed(self._sockets.values()):
            if socket.origin == origin and socket.user_id is None and user_id not in socket.exited:
                return [self._rebind(socket, user_id, BindingSource.GUESSED)]
        return []

    def claim(self, socket_id: str, user_id: str) -> list[Rebind]:
        """Bind the socket to ``user_id``, the user that its frames name."""
        socket = self._sockets.get(socket_id)
        if socket is None or (socket.user_id == user_id and socket.source is BindingSource.CLAIMED):
            return []
        if socket.user_id == user_id:
            socket.source = BindingSource.CLAIMED
            return []
        former = socket.user_id if socket.source is BindingSource.GUESSED else None
        rebinds = [self._rebind(socket, user_id, BindingSource.CLAIMED)]
        for other in self._sockets.values():
            # Two guesses from one origin were swapped: the other socket is the former user's.
            guessed = other.user_id == user_id and other.source is BindingSource.GUESSED
            if guessed and other is not socket and other.origin == socket.origin:
                rebinds.append(self._rebind(other, former, BindingSource.GUESSED if former else None))
                break
        if former is not None and not self._has_socket(former):
            rebinds[0] = replace(rebinds[0], displaced=True)
        return rebinds

    def accepts_exit(self, socket_id: str, user_id: str, origin: str | None) -> bool:
        """Return whether an exit from this socket may mean ``user_id``, who registered from ``origin``."""
        socket = self._sockets.get(socket_id)
        if socket is None or socket.user_id == user_id:
            return socket is not None
        if any(
            other.user_id == user_id and other.source is BindingSource.CLAIMED
            for other in self._sockets.values()
        ):
            return False
        if socket.user_id is None:
            return same_address(origin, socket.origin)
        return socket.source is BindingSource.GUESSED and socket.origin == origin

    def exit(self, socket_id: str) -> tuple[str | None, list[str]]:
        """Unbind the socket's user. Returns the user and their sockets here from the same origin."""
        socket = self._sockets.get(socket_id)
        if socket is None or socket.user_id is None:
            return None, []
        user_id = socket.user_id
        gone = [
            other
            for other in self._sockets.values()
            if other.user_id == user_id and other.origin == socket.origin
        ]
        for other in gone:
            other.exited.add(user_id)
            other.user_id = other.source = None
        return user_id, [other.id for other in gone]

    def forget(self, user_id: str) -> None:
        """Unbind all sockets of a user who has left."""
        for socket in self._sockets.values():
            if socket.user_id == user_id:
                socket.user_id = socket.source = None

    def unbind(self, socket_id: str) -> None:
        """Unbind a socket."""
        socket = self._sockets.get(socket_id)
        if socket is not None:
            socket.user_id = socket.source = None

    def close(self, socket_id: str) -> str | None:
        """Remove a socket. Returns its user."""
        socket = self._sockets.pop(socket_id, None)
        return None if socket is None else socket.user_id

    def has_exited(self, socket_id: str, user_id: str) -> bool:
        """Return whether the user exited over this socket."""
        socket = self._sockets.get(socket_id)
        return socket is not None and user_id in socket.exited

    def user_of(self, socket_id: str) -> str | None:
        """Return the socket's user."""
        socket = self._sockets.get(socket_id)
        return None if socket is None else socket.user_id

    def _has_socket(self, user_id: str) -> bool:
        return any(socket.user_id == user_id for socket in self._sockets.values())

    def _rebind(self, socket: BoundSocket, user_id: str | None, source: BindingSource | None) -> Rebind:
        rebind = Rebind(socket.id, old_user=socket.user_id, new_user=user_id)
        socket.user_id, socket.source = user_id, source
        return rebind
