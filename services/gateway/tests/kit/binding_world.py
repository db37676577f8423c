"""The chat as the binding of course sockets sees it: honest clients of one origin, and the user list."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from opsroom_gateway.legacy.domain.binding_guesses import Departure, Leave, Rebind
from opsroom_gateway.legacy.domain.socket_binding import Binding

ORIGIN = "one address.one browser"
BINDING_SECONDS, LINGER_SECONDS = 30.0, 10.0
PLACEHOLDER = "placeholder"


@dataclass(slots=True)
class Entry:
    """A user on the list: their connections, or the time at which they leave."""

    name: str
    connections: dict[str, None]
    until: float | None = None


@dataclass(slots=True, repr=False)
class World:
    """The binding, and the list that its changes make. ``now``: its time."""

    binding: Binding = field(default_factory=Binding)
    listed: dict[str, Entry] = field(default_factory=dict)
    now: float = 0.0
    expired: set[str] = field(default_factory=set)
    """Users whose time was over: nothing has named them for as long as it was in doubt whether they left."""
    _ids: int = 0

    def id(self, prefix: str) -> str:
        """Return a new id."""
        self._ids += 1
        return f"{prefix}{self._ids}"

    def advance(self, seconds: float) -> None:
        """Let time pass: users whose time is over leave."""
        self.now += seconds
        for user_id, entry in list(self.listed.items()):
            if entry.until is not None and entry.until <= self.now:
                self.expired.add(user_id)
                self._leave_list(user_id)

    def register(self, name: str) -> str | None:
        """Register ``name``. Returns the user's id; None if the name is taken."""
        for user_id, entry in self.listed.items():
            if entry.name == name:
                if not self.binding.is_returning(user_id, ORIGIN):
                    return None
                self._apply(self.binding.returned(user_id, self.now))
                if not any(map(self._is_socket, entry.connections)):
                    self._hold(user_id)
                return user_id
        user_id = self.id("u")
        self.listed[user_id] = Entry(name, {})
        self._hold(user_id)
        return user_id

    def open(self) -> str:
        """Open a socket. Returns its id."""
        socket = self.id("s")
        waiting = [
            user_id
            for user_id, entry in self.listed.items()
            if not any(map(self._is_socket, entry.connections))
        ]
        self._apply(self.binding.open(socket, ORIGIN, reversed(waiting), self.now))
        return socket

    def close(self, socket: str, *, clean: bool) -> None:
        """Close a socket."""
        user_id = self.binding.user_of(socket)
        departure = self.binding.close(socket, self.now, clean=clean)
        self._depart(user_id, (socket,), departure, clean=clean)

    def speak(self, socket: str, user_id: str, name: str) -> None:
        """Send a frame with the user's id and name."""
        if self.binding.has_exited(socket, user_id):
            return
        self.listed.setdefault(user_id, Entry(name, {}))
        self._apply(self.binding.claim(socket, user_id, self.now))

    def exit(self, socket: str, user_id: str | None) -> None:
        """Send an exit that names the user; None: nobody."""
        if user_id is not None:
            if user_id not in self.listed or not self.binding.accepts_exit(socket, user_id, ORIGIN):
                return
            self._apply(self.binding.claim(socket, user_id, self.now))
        done = self.binding.exit(socket, self.now)
        self._depart(done.user_id, (*done.socket_ids, PLACEHOLDER), done.departure, clean=True)

    def _depart(
        self, user_id: str | None, connections: Iterable[str], departure: Departure, *, clean: bool
    ) -> None:
        self._apply(departure.rebinds)
        if user_id is not None:
            sure = clean and departure.leave is Leave.SURE
            self._leave(user_id, connections, Leave.SURE if sure else Leave.DOUBTFUL)

    def _apply(self, rebinds: Iterable[Rebind]) -> None:
        changes = list(rebinds)
        for change in changes:
            if change.new_user is not None and change.new_user in self.listed:
                entry = self.listed[change.new_user]
                entry.connections[change.socket_id] = None
                entry.connections.pop(PLACEHOLDER, None)
                entry.until = None
        for change in changes:
            if change.old_user is not None and change.old_user != self.binding.user_of(change.socket_id):
                self._leave(change.old_user, (change.socket_id,), change.leave)

    def _leave(self, user_id: str, connections: Iterable[str], leave: Leave) -> None:
        entry = self.listed.get(user_id)
        if entry is None:
            return
        for connection in connections:
            entry.connections.pop(connection, None)
        if entry.connections:
            return
        if leave is Leave.SURE:
            self._leave_list(user_id)
        elif leave is Leave.DISPLACED:
            self._hold(user_id)
        else:
            entry.until = self.now + LINGER_SECONDS
            self._apply(self.binding.registered(user_id, ORIGIN, self.now))

    def _hold(self, user_id: str) -> None:
        """Give a user a placeholder."""
        entry = self.listed[user_id]
        entry.connections[PLACEHOLDER] = None
        entry.until = self.now + BINDING_SECONDS
        self._apply(self.binding.registered(user_id, ORIGIN, self.now))

    def _leave_list(self, user_id: str) -> None:
        del self.listed[user_id]
        self.binding.gone(user_id)

    @staticmethod
    def _is_socket(connection: str) -> bool:
        return connection != PLACEHOLDER


@dataclass(slots=True, repr=False)
class Person:
    """One honest client, with a page that keeps its user and its socket.

    ``registers_first``: it opens its socket just after it has registered. Others open it when they start.
    """

    world: World
    registers_first: bool
    name: str
    socket: str | None = None
    user_id: str | None = None
    spoke: bool = False
    done: bool = False

    @property
    def opens_now(self) -> bool:
        """Whether the page has registered, and opens its socket next."""
        return self.user_id is not None and self.socket is None

    @property
    def is_there(self) -> bool:
        """Whether the person must be on the list."""
        return self.user_id is not None and self.socket is not None

    def actions(self, *, stay: bool) -> list[Callable[[], None]]:
        """Return what the person may do now; ``stay``: without closing a socket or leaving the list."""
        if self.done:
            return []
        if self.opens_now:
            return [self.open]
        if self.socket is None:
            return [self.register if self.registers_first else self.open]
        if self.user_id is None:
            return [self.register] if stay else [self.register, self.register, self.leave]
        if stay:
            return [self.speak]
        return [self.speak, self.exit, self.exit_without_a_name, self.leave, self.reconnect, self.reload]

    def open(self) -> None:
        self.socket = self.world.open()

    def register(self) -> None:
        user_id = self.world.register(self.name)
        if user_id is None:
            self.name += "'"
        self.user_id = user_id or self.world.register(self.name)

    def speak(self) -> None:
        assert self.socket is not None
        assert self.user_id is not None
        self.spoke = True
        self.world.speak(self.socket, self.user_id, self.name)

    def exit(self) -> None:
        assert self.socket is not None
        self.world.exit(self.socket, self.user_id)
        self.user_id, self.spoke = None, False

    def exit_without_a_name(self) -> None:
        assert self.socket is not None
        self.world.exit(self.socket, None)
        self.user_id, self.spoke = None, False

    def leave(self) -> None:
        """Close the page without a word."""
        self._close(clean=True)
        self.done = True

    def reconnect(self) -> None:
        """Lose the connection, and open another one."""
        self._close(clean=False)
        self.open()

    def reload(self) -> None:
        """Close the page and open it again: the user has to register again."""
        self._close(clean=True)
        self.user_id = None
        if not self.registers_first:
            self.open()

    def _close(self, *, clean: bool) -> None:
        assert self.socket is not None
        self.world.close(self.socket, clean=clean)
        self.socket, self.spoke = None, False
