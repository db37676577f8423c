"""What the one who measures chose."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """``rounds``: how often each thing is measured; ``seconds`` of sending in each round of ``path``.

    ``delay``: seconds a command takes. ``pin``: all servers on one core and the load generator on another.
    """

    rounds: int
    seconds: float
    delay: float
    pin: bool
