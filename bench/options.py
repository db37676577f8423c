"""The options of a benchmark run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """``rounds``: how often each scenario is measured; ``seconds``: of sending in each round of ``path``.

    ``delay``: seconds a command takes. ``pin``: all servers on one core and the load generator on another.
    ``readers``: the numbers of readers for ``fanout``; ``only``: words in the names of the servers
    that it measures, all of them if empty. ``crowds``: the numbers of readers for ``memory``
    (``storm`` uses the largest). ``minutes``: how long ``slope`` lasts.
    ``messages``: how many are stored for ``log`` and ``search``.
    ``share``: how many sockets each person has in ``memory`` and ``storm``.
    """

    rounds: int
    seconds: float
    delay: float
    pin: bool
    readers: tuple[int, ...] = (100, 1_000, 10_000)
    only: tuple[str, ...] = ()
    crowds: tuple[int, ...] = (1_000, 10_000)
    minutes: float = 10.0
    messages: int = 1_000_000
    share: int = 25
