"""Limits of the process on open connections and on concurrent handshakes."""

import resource
from contextlib import suppress

from opsroom_gateway.transport.stats import TransportStats

_RESERVED_FILES = 128
"""Open files of a process that are not client connections."""


def raise_open_file_limit() -> None:
    """Raise the soft limit on open files to the hard limit: each connection needs one."""
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems report a hard limit that they don't grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


def max_connections(configured: int) -> int:
    """Return ``configured`` (0: no limit), reduced to what the open file limit allows."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return configured
    available = max(1, files - _RESERVED_FILES)
    return min(configured, available) if configured else available


class ConnectionBudget:
    """Limits of a process: ``connections`` open and ``handshakes`` in progress at once (0: no limit).

    A handshake lasts from the opening of a WebSocket or stream until its missed messages have been replayed.
    That is expensive, and after a restart all clients reconnect in the same second.
    """

    def __init__(self, connections: int, handshakes: int, stats: TransportStats) -> None:
        self._connections = connections
        self._max_handshakes = handshakes
        self._handshakes = 0
        self._stats = stats

    def has_room(self, open_connections: int) -> bool:
        """Return whether ``open_connections`` is within the limit; count a refusal if it is not."""
        if not self._connections or open_connections <= self._connections:
            return True
        self._stats.refused_connections += 1
        return False

    def acquire(self) -> bool:
        """Start a handshake, ended by ``release``. False, and counted as refused, if there are too many."""
        if self._max_handshakes and self._handshakes >= self._max_handshakes:
            self._stats.refused_handshakes += 1
            return False
        self._handshakes += 1
        return True

    def release(self) -> None:
        """End a handshake."""
        self._handshakes -= 1
