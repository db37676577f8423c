"""Binding of sockets to users, in a contract whose sockets carry no identity.

What a socket's frames name counts most (*claimed*). Before its first frame, a socket is bound to a
registration from the same origin (address and browser) just before or after it opened (*guessed*). A claim
replaces a guess; only another claim or an exit replaces a claim. An exit that names another user is accepted
only if that user is not bound more reliably and registered from the same address.

A guess may be wrong, so the end of a guessed socket need not be the end of its user: another socket of the
origin without a user takes them over, and if another socket may be theirs, their leave is in doubt.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from opsroom_gateway.legacy.domain.binding_guesses import (
    OPENS_WITHIN_SECONDS,
    TYPES_WITHIN_SECONDS,
    BindingSource,
    BoundSocket,
    Departure,
    Exit,
    Leave,
    Person,
    Rebind,
    first_of_a_group,
)
from opsroom_gateway.legacy.domain.binding_table import BindingTable


def same_address(one: str | None, other: str) -> bool:
    """Return whether two origins have the same address, if not the same browser: up to the dot."""
    return one is not None and one.partition(".")[0] == other.partition(".")[0]


@dataclass(slots=True)
class Binding:
    """The sockets of this process and their users. Methods return the resulting changes.

    ``now``: seconds of a monotonic clock.
    """

    _table: BindingTable = field(default_factory=BindingTable)

    def open(self, socket_id: str, origin: str, waiting: Iterable[str], now: float) -> list[Rebind]:
        """Add a socket. ``waiting``: users registered from its origin without a socket, newest first."""
        socket = self._table.add(BoundSocket(socket_id, origin, now))
        people = {user_id: self._table.person(user_id, origin, now) for user_id in waiting}
        eligible = [
            user_id
            for user_id, person in people.items()
            if person.doubted_at is None and not self._table.has_socket(user_id)
        ]
        if eligible:
            if len(eligible) > 1:  # each of them may be behind the next sockets, too
                for user_id in eligible:
                    people[user_id].until = max(people[user_id].until, now + TYPES_WITHIN_SECONDS)
            eligible.reverse()
            times = [people[user_id].waiting_since for user_id in eligible]
            return [self._table.guess(socket, eligible[first_of_a_group(times, now, OPENS_WITHIN_SECONDS)])]
        for older in reversed(self._table.of_origin(origin)):
            if older.user_id is not None and self._table.fits_better(older, now):
                return [self._table.guess(socket, older.user_id), self._table.release(older)]
        return []

    def registered(self, user_id: str, origin: str, now: float) -> list[Rebind]:
        """Bind a socket from ``origin`` to a user who waits for one, if one may be theirs."""
        person = self._table.person(user_id, origin, now)
        if person.waits_for_new or self._table.has_socket(user_id):
            return []
        free = [
            socket
            for socket in self._table.of_origin(origin)
            if socket.user_id is None and user_id not in socket.exited
        ]
        unused = [socket for socket in free if not socket.exited]
        person.may_open_first = bool(free)
        if unused:
            times = [socket.opened_at for socket in unused]
            return [self._table.guess(unused[first_of_a_group(times, now, TYPES_WITHIN_SECONDS)], user_id)]
        if free:
            return [self._table.guess(free[-1], user_id)]
        return self._replace_weakest(user_id, origin)

    def claim(self, socket_id: str, user_id: str, now: float) -> list[Rebind]:
        """Bind the socket to ``user_id``, the user that its frames name."""
        socket = self._table.sockets.get(socket_id)
        if socket is None or (socket.user_id == user_id and socket.source is BindingSource.CLAIMED):
            return []
        person = self._table.people.get(user_id)
        was_in_doubt = person is not None and person.doubted_at is not None
        if person is not None:
            person.doubted_at = None
        if socket.user_id == user_id:
            socket.source = BindingSource.CLAIMED
            return []
        former = socket.user_id if socket.source is BindingSource.GUESSED else None
        claim = self._table.bind(socket, user_id, BindingSource.CLAIMED)
        heir = self._table.guessed(user_id, socket.origin)
        if former is None or self._table.has_socket(former):
            return [claim] if heir is None else [claim, self._table.release(heir)]
        heir = heir or self._table.heir(former, socket)
        if heir is not None:
            return [claim, self._table.guess(heir, former)]
        displaced = self._table.people[former]
        displaced.waits_for_new = True
        if not was_in_doubt:
            return [replace(claim, leave=Leave.DISPLACED)]
        if now - displaced.waiting_since > OPENS_WITHIN_SECONDS:
            displaced.doubted_at = now  # the socket that closed was rather theirs
        return [replace(claim, leave=Leave.DOUBTFUL)]

    def close(self, socket_id: str, now: float, *, clean: bool = True) -> Departure:
        """Remove a socket. Returns how its user leaves, and who takes another socket over.

        ``clean``: whether the client closed it. Otherwise the client may have opened another one before.
        """
        socket = self._table.remove(socket_id)
        if socket is None or (socket.user_id is not None and self._table.has_socket(socket.user_id)):
            return Departure()
        if socket.user_id is None:
            self._table.doubt_others(socket, now, gone=True)
            return Departure()
        user_id, person = socket.user_id, self._table.people.get(socket.user_id)
        if person is None:
            return Departure()
        if clean and socket.source is BindingSource.CLAIMED:
            person.waits_for_new = True
            return Departure()
        return self._depart_guessed(user_id, socket, now) if clean else self._lose(user_id, socket, now)

    def exit(self, socket_id: str, now: float) -> Exit:
        """Unbind the socket's user, and their other sockets here from the same origin."""
        socket = self._table.sockets.get(socket_id)
        if socket is None or socket.user_id is None:
            return Exit(None)
        user_id, source = socket.user_id, socket.source
        gone = [other for other in self._table.of_origin(socket.origin) if other.user_id == user_id]
        for other in gone:
            self._table.release(other)
            other.exited.add(user_id)
        if source is BindingSource.CLAIMED:
            return Exit(user_id, tuple(other.id for other in gone))
        return Exit(user_id, tuple(other.id for other in gone), self._depart_guessed(user_id, socket, now))

    def accepts_exit(self, socket_id: str, user_id: str, origin: str | None) -> bool:
        """Return whether an exit from this socket may mean ``user_id``, who registered from ``origin``."""
        socket = self._table.sockets.get(socket_id)
        if socket is None or socket.user_id == user_id:
            return socket is not None
        if self._table.is_claimed(user_id):
            return False
        if socket.user_id is None:
            return same_address(origin, socket.origin)
        return socket.source is BindingSource.GUESSED and socket.origin == origin

    def is_returning(self, user_id: str, origin: str) -> bool:
        """Return whether a registration of this user's name from ``origin`` is their own.

        It is if a socket that may have been theirs has closed, and since then none but a new one is.
        """
        person = self._table.people.get(user_id)
        if person is None or person.doubted_at is None or person.origin != origin:
            return False
        return (
            not self._table.has_socket(user_id)
            or self._table.newest_since(person.doubted_at, origin) is not None
        )

    def returned(self, user_id: str, now: float) -> list[Rebind]:
        """Treat the user as registered again: the newest socket since they were in doubt is theirs."""
        person = self._table.people[user_id]
        since = now if person.doubted_at is None else person.doubted_at
        newest = self._table.newest_since(since, person.origin)
        held = self._table.of_user(user_id)
        for socket in self._table.of_origin(person.origin):
            socket.exited.discard(user_id)
        self._table.people[user_id] = Person(person.origin, now, now + OPENS_WITHIN_SECONDS)
        if newest is None:
            return []
        return [self._table.guess(newest, user_id), *map(self._table.release, held)]

    def forget(self, user_id: str) -> None:
        """Unbind all sockets of a user who has left."""
        for socket in self._table.of_user(user_id):
            self._table.release(socket)
        self._table.people.pop(user_id, None)

    def gone(self, user_id: str) -> None:
        """Drop what is known of a user who is off the list; their sockets are unbound by ``forget``."""
        if not self._table.has_socket(user_id):
            self._table.people.pop(user_id, None)

    def unbind(self, socket_id: str) -> None:
        """Unbind a socket."""
        socket = self._table.sockets.get(socket_id)
        if socket is not None:
            self._table.release(socket)

    def has_exited(self, socket_id: str, user_id: str) -> bool:
        """Return whether the user exited over this socket."""
        socket = self._table.sockets.get(socket_id)
        return socket is not None and user_id in socket.exited

    def user_of(self, socket_id: str) -> str | None:
        """Return the socket's user."""
        socket = self._table.sockets.get(socket_id)
        return None if socket is None else socket.user_id

    def _lose(self, user_id: str, socket: BoundSocket, now: float) -> Departure:
        """Wait for the user of a broken socket to return, if they have not already."""
        person = self._table.people[user_id]
        if socket.source is BindingSource.GUESSED:
            self._table.doubt_others(socket, now, gone=False)
        newer = [
            other
            for other in self._table.of_origin(socket.origin)
            if other.user_id is None and not other.exited and other.opened_at > socket.opened_at
        ]
        heir = newer[-1] if newer else None
        if socket.source is BindingSource.GUESSED:
            heir = heir or self._table.heir(user_id, socket)
        person.doubted_at = None if heir is None else now
        if heir is not None:
            person.until = max(person.until, now + TYPES_WITHIN_SECONDS)  # or they reconnect now
            return Departure(Leave.DOUBTFUL, (self._table.guess(heir, user_id),))
        person.waiting_since, person.until = now, now + OPENS_WITHIN_SECONDS
        person.waits_for_new = True
        return Departure(Leave.DOUBTFUL)

    def _depart_guessed(self, user_id: str, socket: BoundSocket, now: float) -> Departure:
        """Hand the user of a guessed socket to another one that may be theirs, or say how they leave."""
        person = self._table.people[user_id]
        person.waits_for_new = True
        heir = self._table.heir(user_id, socket)
        if heir is not None:
            person.doubted_at = now
            return Departure(Leave.DOUBTFUL, (self._table.guess(heir, user_id),))
        return Departure(self._leave_of(user_id, socket, now))

    def _leave_of(self, user_id: str, lost: BoundSocket, now: float) -> Leave:
        """Return how a user leaves whose guessed socket is gone, and note the doubt."""
        person = self._table.people[user_id]
        if self._table.may_have_another(user_id, lost):
            person.doubted_at = now
            return Leave.DOUBTFUL
        # They took the socket of a user who exited over it, and their own may be about to open.
        another_used_it = bool(lost.exited - {user_id})
        if another_used_it and now - person.waiting_since <= OPENS_WITHIN_SECONDS:
            return Leave.DOUBTFUL
        return Leave.SURE

    def _replace_weakest(self, user_id: str, origin: str) -> list[Rebind]:
        """Take a socket from a user who may have none at all. Without one, the new user waits."""
        for socket in reversed(self._table.of_origin(origin)):
            if socket.user_id is None or socket.source is BindingSource.CLAIMED:
                continue
            holder = self._table.people.get(socket.user_id)
            if holder is None or user_id in socket.exited:
                continue
            is_late = socket.opened_at > holder.waiting_since + OPENS_WITHIN_SECONDS
            if holder.doubted_at is not None or is_late:
                holder.waits_for_new = True
                leave = Leave.DISPLACED if holder.doubted_at is None else Leave.DOUBTFUL
                return [replace(self._table.guess(socket, user_id), leave=leave)]
        return []
