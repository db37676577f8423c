"""The recorder of what happens to the clients."""

import asyncio
import random
import time
from collections import defaultdict

from tests.faults.verification.history import Accepted, History, Holding, NameWait

SLOW_SECONDS = 0.25
"""Shorter waits are not caused by a fault."""


class Recorder:
    """The history so far, and the events that the nemesis waits for."""

    def __init__(self, history: History, rng: random.Random) -> None:
        self.history = history
        self.rng = rng
        self.stopping = asyncio.Event()
        """No new messages and commands."""
        self.enough = asyncio.Event()
        """No more faults: the run was interrupted."""
        self.leaving = asyncio.Event()
        """Clients leave and do not reconnect."""
        self.waits: list[tuple[float, float]] = []
        """Slow requests, and times from a lost connection to the next welcome."""
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
        """Record the wait of something that began at ``start``."""
        now = time.time()
        if now - start > SLOW_SECONDS:
            self.waits.append((start, now))

    def record_ack(self, key: str, seq: int, begun: float, *, repeated: bool) -> None:
        """Record an acknowledgement; a ``repeated`` message counts once."""
        self.acknowledged += not repeated
        self.waited(begun)
        self.history.acks.append((key, seq))

    def accepted(self, command: Accepted, *, repeated: bool) -> None:
        """Record an accepted command; a ``repeated`` one counts once."""
        self.history.accepted.append(command)
        self.waited(command.asked)
        if repeated:
            self.duplicates += 1
        else:
            self.commands += 1
            self.last_due = time.time() + self.history.delay

    def record_violation(self, words: str) -> None:
        """Record a response that a client must never get."""
        self.history.refused.append(words)

    def holds(self, name: str, owner: str) -> None:
        """Record that ``owner`` holds the name from now on."""
        self._holders[name].add(owner)

    def lets_go(self, name: str, owner: str, since: float, until: float) -> None:
        """Record that ``owner`` held it until ``until``; the claim may expire from now on."""
        self._holders[name].discard(owner)
        self._held[name] = time.time()
        self.history.holdings.append(Holding(name, owner, since, until))

    def is_held(self, name: str) -> bool:
        """Whether the name is certainly held."""
        return bool(self._holders[name])

    def had(self, name: str, asked: float, refusals: int) -> None:
        """Record that the name was claimed, first requested at ``asked``."""
        if refusals:
            free_since = max(asked, self._held.get(name, asked))
            self.history.stuck.append(NameWait(name, free_since, time.time()))


def notify(event: asyncio.Event) -> None:
    """Wake all current waiters of ``event``."""
    event.set()
    event.clear()
