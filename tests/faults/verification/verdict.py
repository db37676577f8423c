"""What rules return: violations; and the limits that they apply."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """``rule``: the guarantee that was violated; ``what``: how."""

    rule: str
    what: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits in seconds, without what outages excuse. Some of the slack is for a busy machine."""

    lease: float = 38.0
    """How long a user who left may be listed: a lease of 20 s, 6 s until that is noticed, grace periods."""
    name: float = 40.0
    """How long the name of a user who left may be taken."""
    shown: float = 6.0
    """How long a connected user may be missing on a list."""
    delivered: float = 8.0
    """How long a stored message or event may take to a connected reader."""
    noticed: float = 8.0
    """How long after its deletion a gateway may serve a stream: it looks at the stream every two seconds."""
    command: float = 8.0
    """How late a final event may be: overdue commands are found after 3 s."""
    served: float = 12.0
    """How late the final event of an operation behind an agent may be: they are asked every 5 s."""
    seen: float = 20.0
    """How long a change outside may stay unnoticed: if its notice is lost, the servers are listed later."""
    request: float = 20.0
    """How long a client may try again and again without a result: a gateway itself retries for 15 s."""
    effect: float = 3.0
    """How long an acknowledged mute, ban, lift or removal may take to have its effect."""
    audited: float = 5.0
    """How long the entry of an action may take to be stored."""
    judged: float = 0.0
    """The least share of the time under load that must not be excused, for each domain: 0 to 1."""
