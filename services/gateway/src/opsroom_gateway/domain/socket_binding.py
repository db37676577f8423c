"""Whose socket is whose, on a contract whose sockets carry no identity.

What a socket's frames say counts most (*claimed*). Before they say anything, a registration from the
same origin (address and browser) just before or after the socket opened is taken for the socket's own
(*guessed*). A claim corrects a guess; nothing corrects a claim but another claim or an exit. An exit
that names somebody else is believed only where nobody could suffer from it who is known better.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum


class BindingSource(Enum):
    """How a socket came to its person."""

    GUESSED = "guessed"
    CLAIMED = "claimed"


@dataclass(slots=True)
class BoundSocket:
    """A socket and, where known, its person."""

    id: str
    origin: str
    user_id: str | None = None
    source: BindingSource | None = None
    exited: set[str] = field(default_factory=set)
    """People who left by this socket: it is not theirs again by a guess."""


@dataclass(frozen=True, slots=True)
class Rebind:
    """What to tell the chat service: ``socket_id`` stops being ``leaves``'s and becomes ``joins``'s.

    ``strands``: it never was ``leaves``'s, who must be given time again to open a socket of their own.
    """

    socket_id: str
    old_user: str | None
    new_user: str | None
    displaced: bool = False


class Binding:
    """The sockets of this process and their people. Every method answers the moves it implies."""

    def __init__(self) -> None:
        self._sockets: dict[str, BoundSocket] = {}

    def open(self, socket_id: str, origin: str, waiting: Iterable[str]) -> list[Rebind]:
        """Open a socket. ``waiting``: people registered from its origin without a socket, newest first."""
        socket = BoundSocket(socket_id, origin)
        self._sockets[socket_id] = socket
        taken = {other.user_id for other in self._sockets.values()}
        for user_id in waiting:
            if user_id not in taken:
                return [self._rebind(socket, user_id, BindingSource.GUESSED)]
        return []

    def registered(self, user_id: str, origin: str) -> list[Rebind]:
        """Someone registered from ``origin``: the newest socket from there that is nobody's is theirs."""
        if self._has_socket(user_id):
            return []
        for socket in reversed(self._sockets.values()):
            if socket.origin == origin and socket.user_id is None and user_id not in socket.exited:
                return [self._rebind(socket, user_id, BindingSource.GUESSED)]
        return []

    def claim(self, socket_id: str, user_id: str) -> list[Rebind]:
        """The socket's frames say that it is ``user_id``'s."""
        socket = self._sockets.get(socket_id)
        if socket is None or (socket.user_id == user_id and socket.source is BindingSource.CLAIMED):
            return []
        if socket.user_id == user_id:
            socket.source = BindingSource.CLAIMED
            return []
        former = socket.user_id if socket.source is BindingSource.GUESSED else None
        rebinds = [self._rebind(socket, user_id, BindingSource.CLAIMED)]
        for other in self._sockets.values():
            # Two guesses from one origin were crossed: the other socket is the former person's.
            guessed = other.user_id == user_id and other.source is BindingSource.GUESSED
            if guessed and other is not socket and other.origin == socket.origin:
                rebinds.append(self._rebind(other, former, BindingSource.GUESSED if former else None))
                break
        if former is not None and not self._has_socket(former):
            rebinds[0] = replace(rebinds[0], displaced=True)
        return rebinds

    def accepts_exit(self, socket_id: str, user_id: str, origin: str | None) -> bool:
        """Whether an exit from this socket may mean ``user_id``, who registered from ``origin``."""
        socket = self._sockets.get(socket_id)
        if socket is None or socket.user_id == user_id:
            return socket is not None
        if any(
            other.user_id == user_id and other.source is BindingSource.CLAIMED
            for other in self._sockets.values()
        ):
            return False
        return socket.user_id is None or (socket.source is BindingSource.GUESSED and socket.origin == origin)

    def exit(self, socket_id: str) -> tuple[str | None, list[str]]:
        """The socket's person leaves: who it is, and their sockets here from the same origin."""
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
        """The person is gone: their sockets are nobody's."""
        for socket in self._sockets.values():
            if socket.user_id == user_id:
                socket.user_id = socket.source = None

    def unbind(self, socket_id: str) -> None:
        """The socket is nobody's after all."""
        socket = self._sockets.get(socket_id)
        if socket is not None:
            socket.user_id = socket.source = None

    def close(self, socket_id: str) -> str | None:
        """The socket is gone; answers whose it was."""
        socket = self._sockets.pop(socket_id, None)
        return None if socket is None else socket.user_id

    def has_exited(self, socket_id: str, user_id: str) -> bool:
        """Whether the person left by this very socket."""
        socket = self._sockets.get(socket_id)
        return socket is not None and user_id in socket.exited

    def user_of(self, socket_id: str) -> str | None:
        """Whose socket it is."""
        socket = self._sockets.get(socket_id)
        return None if socket is None else socket.user_id

    def _has_socket(self, user_id: str) -> bool:
        return any(socket.user_id == user_id for socket in self._sockets.values())

    def _rebind(self, socket: BoundSocket, user_id: str | None, source: BindingSource | None) -> Rebind:
        rebind = Rebind(socket.id, old_user=socket.user_id, new_user=user_id)
        socket.user_id, socket.source = user_id, source
        return rebind
