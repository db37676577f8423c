"""How many connections a process takes, and how many may be joining at once."""

import resource
from contextlib import suppress

from opsroom_gateway.transport.stats import TransportStats

_OTHER_FILES = 128
"""What a process has open besides its connections."""


def allow_open_files() -> None:
    """Raise the limit on open files to the most that the system allows: a connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems name a most that they don't grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def possible_connections(wanted: int) -> int:
    """``wanted`` (0: any number), or as many as there may be open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return wanted
    possible = max(1, files - _OTHER_FILES)
    return min(wanted, possible) if wanted else possible


class ConnectionBudget:
    """``connections``, ``joining``: the most there may be (0: any number), for whoever comes.

    Joining is who opens a WebSocket or a stream and has not been told yet what was missed: that is work, and
    after a restart of something everybody asks for it in the same second.
    """

    def __init__(self, connections: int, joining: int, stats: TransportStats) -> None:
        self._connections = connections
        self._most_joining = joining
        self._joining = 0
        self._stats = stats

    def has_room(self, present: int) -> bool:
        """Whether another connection may come where ``present`` are there; a refusal is counted."""
        if not self._connections or present <= self._connections:
            return True
        self._stats.refused_connections += 1
        return False

    def acquire(self) -> bool:
        """Count one more handshake until ``release``; False, and counted as refused, if too many are open."""
        if self._most_joining and self._joining >= self._most_joining:
            self._stats.refused_handshakes += 1
            return False
        self._joining += 1
        return True

    def release(self) -> None:
        """A handshake ended."""
        self._joining -= 1
