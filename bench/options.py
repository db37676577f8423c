"""What the one who measures chose."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """``rounds``: how often each thing is measured; ``seconds`` of sending in each round of ``path``.

    ``delay``: seconds a command takes. ``pin``: all servers on one core and the load generator on another.
    ``readers``: how many ``fanout`` connects, one after another; ``only``: words in the names of the servers
    that it visits, all of them where there are none. ``crowds``: how many readers ``memory``
    joins, one after another; ``storm`` takes the largest. ``minutes``: how long ``slope`` lasts.
    """

    rounds: int
    seconds: float
    delay: float
    pin: bool
    readers: tuple[int, ...] = (100, 1_000, 10_000)
    only: tuple[str, ...] = ()
    crowds: tuple[int, ...] = (1_000, 10_000)
    minutes: float = 10.0
