"""Counters of this process's connections, as plain numbers for the metrics and the status."""

from dataclasses import dataclass


@dataclass(slots=True)
class TransportStats:
    """Totals since the process started, except ``sockets`` and ``streams``, which are the ones open now."""

    sockets: int = 0
    streams: int = 0
    slow_readers: int = 0
    """Closed because their send buffer was full."""
    dead_connections: int = 0
    """Closed because a ping was not answered."""
    refused_connections: int = 0
    """Rejected with 503 because there were too many connections."""
    refused_handshakes: int = 0
    """Rejected with 503 because there were too many handshakes."""
