"""The recorder of what happens to the clients."""

import asyncio
import random
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.faults.clients.texts import ROOMS
from tests.faults.verification.cloud_history import Accepted, CloudLife, Conflict, Decided
from tests.faults.verification.history import ChatLife, Connected, History, Holding, NameWait, Wait
from tests.faults.verification.team_history import Roster, TeamLife

SLOW_SECONDS = 0.25
"""Shorter waits are not caused by a fault."""
_KEPT_SECONDS = 1.0
"""Shorter waits are no part of the history."""
SILENCE_SECONDS = 7.0
"""A server that was silent for longer may not serve the client any more: it pings every five seconds."""
_PROVOKED_SECONDS = 5.0
_REMOVABLE = 50


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A message that a moderator may remove."""

    key: str
    seq: int
    ident: str
    room: str


class Recorder:
    """The history so far, and the events that the nemesis waits for. ``places``: the gateway of each port."""

    def __init__(self, history: History, rng: random.Random) -> None:
        self.history = history
        self.rng = rng
        self.places: dict[int, str] = {}
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
        self.conflicts = 0
        self.decisions = 0
        self.resets = 0
        self.reconnects = 0
        self.duplicates = 0
        self.denied = 0
        self.sending = asyncio.Event()
        self.commanding = asyncio.Event()
        self.serving = asyncio.Event()
        """An operation was accepted that an agent has to do; ``last_served``: when the last one is due."""
        self.last_served = 0.0
        self.served = 0
        self.changed = 0
        self.strays: deque[str] = deque(maxlen=_REMOVABLE)
        """Servers that the portal has taken in by itself."""
        self._claimed: set[str] = set()
        self._provoked = 0.0
        self.last_due = 0.0
        self.removable: deque[Acknowledged] = deque(maxlen=_REMOVABLE)
        self.removed: set[int] = set()
        """Sequences of messages whose removal was acknowledged, in this life of the stream."""
        self.erased: set[int] = set()
        """The same, and those of texts that were replaced by an acknowledged edit."""
        self._deleted: dict[str, ChatLife] = {}
        """The lives that ended under running gateways, by epoch."""
        self._held: dict[str, float] = {}
        self._holders: dict[str, set[str]] = defaultdict(set)

    @property
    def chat(self) -> ChatLife:
        """The present life of the chat's stream."""
        return self.history.chat

    @property
    def team(self) -> TeamLife:
        """The same, of rooms, changes, files and positions."""
        return self.history.chat.team

    @property
    def cloud(self) -> CloudLife:
        """The present life of the stream of servers' events."""
        return self.history.cloud

    def begin_chat(self, kept: int, deleted: str | None = None) -> None:
        """Record that the chat's stream begins another life, with so much of the one before.

        ``deleted``: the epoch of the one before, if gateways go on and have to notice its end.
        """
        if deleted is not None:
            self.chat.ended = time.time()
            self._deleted[deleted] = self.chat
        roster = Roster(time.time()) if deleted is None else self.chat.team.roster
        self.history.chats.append(ChatLife(kept, team=TeamLife(roster)))
        self.removable.clear()
        self.removed = {one for one in self.removed if one <= kept}
        self.erased = {one for one in self.erased if one <= kept}

    def chat_of(self, epoch: str | None) -> ChatLife:
        """Return the life of the chat's stream that a server means by ``epoch``."""
        return self._deleted.get(epoch or "", self.chat)

    def begin_cloud(self, kept: int) -> None:
        """Record the same of the stream of servers' events."""
        self.history.clouds.append(CloudLife(kept, time.time()))

    def waited(self, start: float, what: str, who: str) -> None:
        """Record the wait of something that began at ``start``."""
        now = time.time()
        if now - start > SLOW_SECONDS:
            self.waits.append((start, now))
        if now - start > _KEPT_SECONDS:
            self.history.waits.append(Wait(what, who, start, now))

    @contextmanager
    def trying(self, what: str, who: str) -> Iterator[None]:
        """Record how long something was tried, however that ends."""
        start = time.time()
        try:
            yield
        finally:
            self.waited(start, what, who)

    def record_ack(self, sent: Acknowledged, begun: float, who: str, *, repeated: bool) -> None:
        """Record an acknowledgement; a ``repeated`` message counts once."""
        self.acknowledged += not repeated
        self.waited(begun, "a message", who)
        self.chat.acks.append((sent.key, sent.seq))
        if not repeated and sent.room in ROOMS:
            self.removable.append(sent)

    def record_removal(self, seq: int) -> None:
        """Record that the removal of the message at ``seq`` was acknowledged."""
        self.removed.add(seq)
        self.erased.add(seq)

    def accepted(self, command: Accepted, *, repeated: bool) -> None:
        """Record an accepted command; a ``repeated`` one counts once."""
        self.cloud.accepted.append(command)
        if repeated:
            self.duplicates += 1
        else:
            self.commands += 1
            self.last_due = time.time() + self.history.delay

    def accepted_behind_agent(self, command: Accepted, *, immediate: bool, repeated: bool) -> None:
        """Record a command for a server behind an agent. ``immediate``: it has taken effect."""
        self.cloud.accepted.append(command)
        if repeated:
            self.duplicates += 1
        elif immediate:
            self.changed += 1
        else:
            self.served += 1
            self.last_served = time.time() + self.history.delay
            notify(self.serving)

    def may_be_refused(self) -> bool:
        """Whether a client may provoke a refusal now: their audit is limited, and others want to be in it."""
        if time.time() - self._provoked < _PROVOKED_SECONDS:
            return False
        self._provoked = time.time()
        return True

    def stray(self, instance: str) -> None:
        """Record a server that the portal has taken in by itself; several clients are shown that."""
        if self.claim(instance):
            self.strays.append(instance)

    def claim(self, resource: str) -> bool:
        """Whether nobody has taken ``resource`` yet; now the caller has."""
        if resource in self._claimed:
            return False
        self._claimed.add(resource)
        return True

    def refused(self, conflict: Conflict) -> None:
        """Record that a command lost a race."""
        self.conflicts += 1
        self.cloud.conflicts.append(conflict)

    def decided(self, decision: Decided) -> None:
        """Record what came of a decision about a command that must be approved."""
        self.decisions += not decision.code
        self.cloud.decisions.append(decision)

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

    def had(self, name: str, asked: float, refusals: int, *, granted: bool) -> None:
        """Record that the name could not be claimed since ``asked``; ``granted``: it could now."""
        if refusals:
            free_since = max(asked, self._held.get(name, asked))
            self.history.stuck.append(NameWait(name, free_since, time.time(), granted))


class Failures:
    """How long something has failed each time that it was tried."""

    def __init__(self, recorder: Recorder, what: str, who: str) -> None:
        self._recorder = recorder
        self._what = what
        self._who = who
        self._since: float | None = None

    def failed(self) -> None:
        """It failed."""
        self._since = self._since or time.time()

    def ended(self) -> None:
        """It succeeded, or is not tried any more."""
        if self._since is not None:
            self._recorder.waited(self._since, self._what, self._who)
        self._since = None


class Attendance:
    """When a client was certainly connected: while it receives something again and again."""

    def __init__(self, recorder: Recorder, name: str, *, reads: bool) -> None:
        self._recorder = recorder
        self._name = name
        self._reads = reads
        self._where = ""
        self._since: float | None = None
        self._heard = 0.0

    def begin(self, where: str) -> None:
        """The client is connected to the gateway ``where``."""
        self._where, self._since = where, time.time()
        self._heard = self._since

    def hear(self) -> None:
        """The client received something."""
        if self._since is None:
            return
        now = time.time()
        if now - self._heard > SILENCE_SECONDS:
            self._record(self._heard)
            self._since = now
        self._heard = now

    def end(self, at: float | None = None) -> None:
        """The connection ended: the client left at ``at``, or it is certain until it last heard something."""
        if self._since is not None:
            self._record(self._heard if at is None else min(at, self._heard))
        self._since = None

    def _record(self, end: float) -> None:
        if self._since is not None and end > self._since:
            self._recorder.history.connected.append(
                Connected(self._name, self._where, self._since, end, self._reads)
            )


def notify(event: asyncio.Event) -> None:
    """Wake all current waiters of ``event``."""
    event.set()
    event.clear()
