"""Orphaned connections: on a member's record with this gateway's id, but without a session here."""


class OrphanedConnections:
    """An index of the orphans by connection and by member.

    Lookups must be fast in both directions: when everybody reconnects, every connection is an orphan for a
    moment.
    """

    __slots__ = ("_by_user", "_owners")

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._by_user: dict[str, set[str]] = {}

    def __contains__(self, connection: str) -> bool:
        return connection in self._owners

    def add(self, connection: str, user_id: str) -> None:
        """Add ``connection``, which is on the record of ``user_id``."""
        self.discard(connection)
        self._owners[connection] = user_id
        self._by_user.setdefault(user_id, set()).add(connection)

    def discard(self, connection: str) -> None:
        """Remove ``connection`` if it is there."""
        user_id = self._owners.pop(connection, None)
        if user_id is not None:
            connections = self._by_user[user_id]
            connections.discard(connection)
            if not connections:
                del self._by_user[user_id]

    def owner(self, connection: str) -> str | None:
        """Return the member whose record has ``connection``; None if it is no orphan."""
        return self._owners.get(connection)

    def connections_of(self, user_id: str) -> frozenset[str]:
        """Return all orphans on one member's record."""
        return frozenset(self._by_user.get(user_id, ()))
