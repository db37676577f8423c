"""Connections of this gateway that are on somebody's record though they are no sessions here."""


class OrphanedConnections:
    """Which there are, and on whose record each is; found both ways without a search.

    When everybody comes back at once, every connection is one for a moment.
    """

    __slots__ = ("_by_user", "_owners")

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._by_user: dict[str, set[str]] = {}

    def __contains__(self, connection: str) -> bool:
        return connection in self._owners

    def add(self, connection: str, user_id: str) -> None:
        """``connection`` is on the record of ``user_id``."""
        self.discard(connection)
        self._owners[connection] = user_id
        self._by_user.setdefault(user_id, set()).add(connection)

    def discard(self, connection: str) -> None:
        """It is none, or no more."""
        user_id = self._owners.pop(connection, None)
        if user_id is not None:
            connections = self._by_user[user_id]
            connections.discard(connection)
            if not connections:
                del self._by_user[user_id]

    def owner(self, connection: str) -> str | None:
        """On whose record it is; None: it is no stray."""
        return self._owners.get(connection)

    def connections_of(self, user_id: str) -> frozenset[str]:
        """All that are on one record."""
        return frozenset(self._by_user.get(user_id, ()))
