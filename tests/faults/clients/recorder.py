"""Where everybody writes down what happened to them, as it happens."""

import asyncio
import random
import time
from collections import defaultdict

from tests.faults.verification.history import Accepted, History, Holding, NameWait

SLOW_SECONDS = 0.25
"""What was answered sooner is no sign of any fault."""


class Recorder:
    """The history under way, and what the injector aims by."""

    def __init__(self, history: History, rng: random.Random) -> None:
        self.history = history
        self.rng = rng
        self.stopping = asyncio.Event()
        """No new messages and commands."""
        self.enough = asyncio.Event()
        """No more faults: somebody wants the run to end now."""
        self.leaving = asyncio.Event()
        """Nobody comes back."""
        self.waits: list[tuple[float, float]] = []
        """From asking to the answer, and from a lost connection to the next welcome; the slow ones."""
        self.acknowledged = 0
        self.commands = 0
        self.resets = 0
        self.reconnects = 0
        self.duplicates = 0
        self.sending = asyncio.Event()
        self.commanding = asyncio.Event()
        self.last_due = 0.0
        self._held: dict[str, float] = {}
        self._holders: dict[str, set[str]] = defaultdict(set)

    def waited(self, start: float) -> None:
        """Something begun at ``start`` has come to its end."""
        now = time.time()
        if now - start > SLOW_SECONDS:
            self.waits.append((start, now))

    def record_ack(self, key: str, seq: int, begun: float, *, repeated: bool) -> None:
        """A message was acknowledged; one that is ``repeated`` counts once."""
        self.acknowledged += not repeated
        self.waited(begun)
        self.history.acks.append((key, seq))

    def accepted(self, command: Accepted, *, repeated: bool) -> None:
        """A command was accepted; one that is ``repeated`` counts once."""
        self.history.accepted.append(command)
        self.waited(command.asked)
        if repeated:
            self.duplicates += 1
        else:
            self.commands += 1
            self.last_due = time.time() + self.history.delay

    def record_violation(self, words: str) -> None:
        """A client was told what it must never be told."""
        self.history.refused.append(words)

    def holds(self, name: str, owner: str) -> None:
        """``owner`` has the name from now on."""
        self._holders[name].add(owner)

    def lets_go(self, name: str, owner: str, since: float, until: float) -> None:
        """``owner`` had it, for certain, until then, and may be forgotten from now on."""
        self._holders[name].discard(owner)
        self._held[name] = time.time()
        self.history.holdings.append(Holding(name, owner, since, until))

    def is_held(self, name: str) -> bool:
        """Whether somebody has it for certain."""
        return bool(self._holders[name])

    def had(self, name: str, asked: float, refusals: int) -> None:
        """The name was given to someone who had first asked at ``asked``."""
        if refusals:
            free_since = max(asked, self._held.get(name, asked))
            self.history.stuck.append(NameWait(name, free_since, time.time()))


def notify(event: asyncio.Event) -> None:
    """Wake everybody who waits at this moment."""
    event.set()
    event.clear()
