"""How many connections a process takes, and how many may be joining at once."""

import resource
from contextlib import suppress

from opsroom_gateway.transport.stats import TransportStats

_RESERVED_FILES = 128
"""What a process has open besides its connections."""


def raise_open_file_limit() -> None:
    """Raise the limit on open files to the most that the system allows: a connection is one."""
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems name a most that they don't grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


def max_connections(configured: int) -> int:
    """``configured`` (0: any number), or as many as there may be open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return configured
    available = max(1, files - _RESERVED_FILES)
    return min(configured, available) if configured else available


class ConnectionBudget:
    """``connections``, ``handshakes``: the most there may be (0: any number), for whoever comes.

    Joining is who opens a WebSocket or a stream and has not been told yet what was missed: that is work, and
    after a restart of something everybody asks for it in the same second.
    """

    def __init__(self, connections: int, handshakes: int, stats: TransportStats) -> None:
        self._connections = connections
        self._max_handshakes = handshakes
        self._handshakes = 0
        self._stats = stats

    def has_room(self, open_connections: int) -> bool:
        """Whether another connection may come where ``open_connections`` are there; a refusal is counted."""
        if not self._connections or open_connections <= self._connections:
            return True
        self._stats.refused_connections += 1
        return False

    def acquire(self) -> bool:
        """Count one more handshake until ``release``; False, and counted as refused, if too many are open."""
        if self._max_handshakes and self._handshakes >= self._max_handshakes:
            self._stats.refused_handshakes += 1
            return False
        self._handshakes += 1
        return True

    def release(self) -> None:
        """A handshake ended."""
        self._handshakes -= 1
