"""The users on the list, in the order in which they joined, with pages that cost what they contain."""

from bisect import bisect_left, bisect_right, insort
from datetime import datetime

from opsroom_contracts.chat.models import User

_Place = tuple[int, str]
"""When the user joined, in milliseconds of UNIX time, and their id."""


class UserList:
    """A list that is kept in order. ``version`` increases with each change."""

    def __init__(self) -> None:
        self.version = 0
        self._places: list[_Place] = []
        self._users: dict[str, tuple[_Place, User]] = {}
        self._all: tuple[User, ...] | None = ()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, user_id: str) -> bool:
        return user_id in self._users

    def put(self, user: User, joined_at: datetime) -> None:
        """Add a user, or replace what is known of them."""
        place = max(0, int(joined_at.timestamp() * 1000)), user.id
        known = self._users.get(user.id)
        if known == (place, user):
            return
        if known is not None and known[0] != place:
            self._remove_place(known[0])
        if known is None or known[0] != place:
            insort(self._places, place)
        self._users[user.id] = place, user
        self._changed()

    def remove(self, user_id: str) -> None:
        """Remove a user, if they are on the list."""
        known = self._users.pop(user_id, None)
        if known is not None:
            self._remove_place(known[0])
            self._changed()

    def all(self) -> tuple[User, ...]:
        """Return all users."""
        if self._all is None:
            self._all = tuple(self._users[user_id][1] for _, user_id in self._places)
        return self._all

    def page(self, after: str | None, limit: int) -> tuple[tuple[User, ...], str | None]:
        """Return up to ``limit`` users and the cursor of the next page, if there is one.

        ``after``: the cursor of this page. Users who join later are at the end, so none is left out.
        """
        start = 0 if after is None else bisect_right(self._places, _read_cursor(after))
        shown = self._places[start : start + limit]
        users = tuple(self._users[user_id][1] for _, user_id in shown)
        return users, _cursor(shown[-1]) if start + limit < len(self._places) else None

    def _remove_place(self, place: _Place) -> None:
        del self._places[bisect_left(self._places, place)]

    def _changed(self) -> None:
        self.version += 1
        self._all = None


def _cursor(place: _Place) -> str:
    return f"{place[0]}.{place[1]}"


def _read_cursor(cursor: str) -> _Place:
    joined_at, _, user_id = cursor.partition(".")
    return int(joined_at), user_id
