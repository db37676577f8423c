"""What this process counts of its connections: plain numbers, for whoever shows them."""

from dataclasses import dataclass


@dataclass(slots=True)
class TransportStats:
    """All since the start of the process, but ``sockets`` and ``streams``, which are those open now."""

    sockets: int = 0
    streams: int = 0
    slow_readers: int = 0
    """Closed because too much waited for them."""
    silent_readers: int = 0
    """Closed because a ping went unanswered."""
    refused_connections: int = 0
    """Turned away with 503 because there were too many."""
    refused_handshakes: int = 0
    """Turned away with 503 because too many were joining at once."""
