"""The open sockets of a process and the users who are known to wait for one, with the rules of guessing."""

from dataclasses import dataclass, field

from opsroom_gateway.legacy.domain.binding_guesses import (
    OPENS_WITHIN_SECONDS,
    TYPES_WITHIN_SECONDS,
    BindingSource,
    BoundSocket,
    Leave,
    Person,
    Rebind,
    first_of_a_group,
    is_weak,
)


@dataclass(slots=True)
class BindingTable:
    """Sockets by id, in the order in which they opened, and people by user id."""

    sockets: dict[str, BoundSocket] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    _by_origin: dict[str, dict[str, BoundSocket]] = field(default_factory=dict)
    _by_user: dict[str, dict[str, BoundSocket]] = field(default_factory=dict)

    def add(self, socket: BoundSocket) -> BoundSocket:
        """Add a socket without a user."""
        self.sockets[socket.id] = socket
        self._by_origin.setdefault(socket.origin, {})[socket.id] = socket
        return socket

    def remove(self, socket_id: str) -> BoundSocket | None:
        """Remove a socket; None if there is no such socket."""
        socket = self.sockets.pop(socket_id, None)
        if socket is not None:
            _drop(self._by_origin, socket.origin, socket)
            if socket.user_id is not None:
                _drop(self._by_user, socket.user_id, socket)
        return socket

    def person(self, user_id: str, origin: str, now: float) -> Person:
        """Return what is known of a user. One who was not known begins to wait now."""
        person = self.people.get(user_id)
        if person is None:
            person = self.people[user_id] = Person(origin, now, now + OPENS_WITHIN_SECONDS)
        return person

    def of_origin(self, origin: str) -> list[BoundSocket]:
        """Return the sockets from ``origin`` in the order in which they opened."""
        return list(self._by_origin.get(origin, {}).values())

    def of_user(self, user_id: str) -> list[BoundSocket]:
        """Return the user's sockets."""
        return list(self._by_user.get(user_id, {}).values())

    def has_socket(self, user_id: str) -> bool:
        """Return whether the user has a socket."""
        return user_id in self._by_user

    def is_claimed(self, user_id: str) -> bool:
        """Return whether a socket has named the user as its own."""
        return any(socket.source is BindingSource.CLAIMED for socket in self.of_user(user_id))

    def guessed(self, user_id: str, origin: str) -> BoundSocket | None:
        """Return the socket from ``origin`` that was guessed to be the user's."""
        guesses = (
            socket
            for socket in self.of_user(user_id)
            if socket.origin == origin and socket.source is BindingSource.GUESSED
        )
        return next(guesses, None)

    def guess(self, socket: BoundSocket, user_id: str) -> Rebind:
        """Bind a socket by a guess."""
        return self.bind(socket, user_id, BindingSource.GUESSED)

    def release(self, socket: BoundSocket) -> Rebind:
        """Unbind a socket."""
        return self.bind(socket, None, None)

    def bind(self, socket: BoundSocket, user_id: str | None, source: BindingSource | None) -> Rebind:
        """Bind a socket, or unbind it. One whose former user was a guess may have another of theirs."""
        leave = Leave.DOUBTFUL if socket.source is BindingSource.GUESSED else Leave.SURE
        rebind = Rebind(socket.id, socket.user_id, user_id, leave)
        if socket.user_id is not None:
            _drop(self._by_user, socket.user_id, socket)
        if user_id is not None:
            self._by_user.setdefault(user_id, {})[socket.id] = socket
        socket.user_id, socket.source = user_id, source
        return rebind

    def doubt_others(self, lost: BoundSocket, now: float, *, gone: bool) -> None:
        """Note of users with guessed sockets that ``lost`` may have been theirs, and that they may reconnect.

        ``gone``: ``lost`` has no user itself who may be gone instead.
        """
        for other in self.of_origin(lost.origin):
            holder = self.people.get(other.user_id or "")
            if holder is None or other.source is not BindingSource.GUESSED or other.user_id in lost.exited:
                continue
            if lost.opened_at <= holder.until:
                holder.until = max(holder.until, now + TYPES_WITHIN_SECONDS)
                if gone and holder.doubted_at is None:
                    holder.doubted_at = now

    def may_have_another(self, user_id: str, lost: BoundSocket) -> bool:
        """Return whether another socket may be the user's: one without a user, or a guess to swap with."""
        person = self.people[user_id]
        for other in self.of_origin(person.origin):
            claimed = other.source is BindingSource.CLAIMED
            if other is lost or claimed or user_id in other.exited or other.opened_at > person.until:
                continue
            holder = None if other.user_id is None else self.people.get(other.user_id)
            if holder is None or holder.doubted_at is not None or lost.opened_at <= holder.until:
                return True
        return False

    def heir(self, user_id: str, lost: BoundSocket) -> BoundSocket | None:
        """Return the socket without a user that is most likely the user's, now that ``lost`` is not."""
        person = self.people[user_id]
        # If no socket was open when the user registered, they had none before.
        had_none = lost.opened_at > person.waiting_since and not person.may_open_first
        earliest = person.waiting_since if had_none else float("-inf")
        free = [
            socket
            for socket in self.of_origin(person.origin)
            if socket.user_id is None
            and socket is not lost
            and not socket.exited
            and earliest <= socket.opened_at <= person.until
        ]
        if not free:
            return None
        times = [socket.opened_at for socket in free]
        return free[first_of_a_group(times, person.waiting_since, TYPES_WITHIN_SECONDS)]

    def fits_better(self, socket: BoundSocket, now: float) -> bool:
        """Return whether the user of ``socket`` rather belongs to a socket that opens now."""
        person = self.people.get(socket.user_id or "")
        if person is None or socket.source is not BindingSource.GUESSED:
            return False
        return now - person.waiting_since <= OPENS_WITHIN_SECONDS and is_weak(socket, person)

    def newest_since(self, since: float, origin: str) -> BoundSocket | None:
        """Return the newest socket without a user that opened after ``since``."""
        new = [
            socket
            for socket in self.of_origin(origin)
            if socket.opened_at > since and not socket.exited and socket.user_id is None
        ]
        return new[-1] if new else None


def _drop(index: dict[str, dict[str, BoundSocket]], key: str, socket: BoundSocket) -> None:
    there = index[key]
    del there[socket.id]
    if not there:
        del index[key]
