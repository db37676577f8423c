"""The plan of a run: which faults happen when. The same seed gives the same plan."""

import random
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """Kinds of faults. In a cluster, those of the broker affect one node."""

    GATEWAY_KILL = "gateway-kill"
    GATEWAY_TERM = "gateway-term"
    GATEWAY_PAUSE = "gateway-pause"
    GATEWAY_SLEEP = "gateway-sleep"
    """SIGSTOP for longer than any lease, like the other sleeps."""
    GATEWAY_CUT = "gateway-cut-from-broker"
    """Its connections to the broker are closed, new ones included."""
    GATEWAY_STALL = "gateway-stalled-from-broker"
    """Nothing passes between it and the broker, but the connections stay open."""
    CHAT_KILL = "chat-kill"
    CHAT_TERM = "chat-term"
    CHAT_PAUSE = "chat-pause"
    CHAT_SLEEP = "chat-sleep"
    CHAT_KILL_IN_SEND = "chat-kill-in-send"
    """While a message is being sent."""
    CHAT_KILL_ALL = "chat-kill-all"
    CLOUD_KILL = "cloud-kill"
    CLOUD_TERM = "cloud-term"
    CLOUD_PAUSE = "cloud-pause"
    CLOUD_SLEEP = "cloud-sleep"
    CLOUD_KILL_ACCEPTING = "cloud-kill-accepting"
    """All of them, while a command is accepted: between its event and its timer."""
    CLOUD_KILL_FINISHING = "cloud-kill-finishing"
    """All of them, when a command is due: between its timer and its final event."""
    BROKER_KILL = "broker-kill"
    BROKER_TERM = "broker-term"
    BROKER_PAUSE = "broker-pause"
    BROKER_SLEEP = "broker-sleep"
    BROKER_FULL = "broker-disk-full"
    LEADER_KILL = "leader-kill"
    NODE_CUT = "node-cut-off"
    """A node of the cluster is partitioned from the others."""
    READER_CUT = "reader-cut-mid-frame"
    READER_SLOW = "reader-slow"
    READER_HALF_OPEN = "reader-half-open"
    CLOCK_STEP = "clock-step"
    """The clock of one service process steps by up to a minute, ahead or back, and later steps back."""
    ROLLING = "rolling-restart"
    """All service processes, one after another."""
    RESTORE = "restore"
    """Everything is stopped, and the broker's data replaced by an earlier copy of the whole folder."""
    STREAM_RECREATED = "stream-recreated"
    """The chat's stream is deleted under living gateways, and made again by the chat service."""
    AGENT_KILL = "agent-kill"
    """The agent that acts or the one that stands by, like the other faults of agents."""
    AGENT_TERM = "agent-term"
    AGENT_PAUSE = "agent-pause"
    AGENT_SLEEP = "agent-sleep"
    AGENT_CUT = "agent-cut-from-broker"
    AGENT_KILL_WORKING = "agent-kill-working"
    """The agent that acts, while it works: between the acceptance of an operation and its end."""
    CLOUD_KILL_WORKING = "cloud-kill-working"
    """All cloud processes, while an agent works."""
    ENGINE_AWAY = "engine-away"
    """The engine behind the agents does not respond."""
    SERVER_CRASHED = "server-crashed"
    """Some servers end with an error."""
    SERVER_STOPPED = "server-stopped"
    """Some servers are stopped outside the portal."""
    SERVER_REMOVED = "server-removed"
    """Some servers are removed outside the portal."""
    SERVER_APPEARED = "server-appeared"
    """There are servers that the portal has not created: with its mark, and such that can be adopted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """``at`` seconds after the load began; ``pick`` in 0..1 chooses the victim; ``seconds``: how long."""

    at: float
    kind: FaultKind
    pick: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run may do.

    ``long``: include pauses longer than leases, each kind once; ``full``: fill the broker's disk; ``apart``:
    seconds from the end of one fault to the next, so that they don't overlap; ``only``: only these kinds;
    ``without``: not these.
    """

    seconds: float
    cluster: bool = False
    long: bool = False
    full: bool = False
    clock: bool = False
    """Include clock steps."""
    soak: bool = False
    """Only load and reader faults."""
    pause: float = 1.1
    """The average pause between faults, in seconds."""
    apart: float = 0.0
    streams: bool = False
    """Restore the streams, and replace one, once each."""
    agent: bool = False
    """Include the faults of agents and of the engine behind them."""
    without: tuple[FaultKind, ...] = ()
    only: tuple[FaultKind, ...] = ()


_WEIGHTS: dict[FaultKind, int] = {
    FaultKind.GATEWAY_KILL: 10,
    FaultKind.GATEWAY_TERM: 5,
    FaultKind.GATEWAY_PAUSE: 4,
    FaultKind.GATEWAY_CUT: 5,
    FaultKind.GATEWAY_STALL: 3,
    FaultKind.CHAT_KILL: 7,
    FaultKind.CHAT_TERM: 4,
    FaultKind.CHAT_PAUSE: 3,
    FaultKind.CHAT_KILL_IN_SEND: 6,
    FaultKind.CHAT_KILL_ALL: 3,
    FaultKind.CLOUD_KILL: 7,
    FaultKind.CLOUD_TERM: 4,
    FaultKind.CLOUD_PAUSE: 3,
    FaultKind.CLOUD_KILL_ACCEPTING: 5,
    FaultKind.CLOUD_KILL_FINISHING: 5,
    FaultKind.BROKER_KILL: 6,
    FaultKind.BROKER_TERM: 2,
    FaultKind.BROKER_PAUSE: 2,
    FaultKind.READER_CUT: 12,
    FaultKind.READER_SLOW: 5,
    FaultKind.READER_HALF_OPEN: 5,
    FaultKind.ROLLING: 1,
}
_CLUSTER = {FaultKind.LEADER_KILL: 6, FaultKind.NODE_CUT: 4}
_AGENT = {
    FaultKind.AGENT_KILL: 3,
    FaultKind.AGENT_TERM: 3,
    FaultKind.AGENT_PAUSE: 3,
    FaultKind.AGENT_CUT: 3,
    FaultKind.AGENT_KILL_WORKING: 2,
    FaultKind.CLOUD_KILL_WORKING: 4,
    FaultKind.ENGINE_AWAY: 3,
    FaultKind.SERVER_CRASHED: 5,
    FaultKind.SERVER_STOPPED: 5,
    FaultKind.SERVER_REMOVED: 5,
    FaultKind.SERVER_APPEARED: 3,
}
OUTSIDE_FAULTS = (
    FaultKind.SERVER_CRASHED,
    FaultKind.SERVER_STOPPED,
    FaultKind.SERVER_REMOVED,
    FaultKind.SERVER_APPEARED,
)
AGENT_FAULTS = (*_AGENT, FaultKind.AGENT_SLEEP)
STREAM_FAULTS = (FaultKind.RESTORE, FaultKind.STREAM_RECREATED)
LONG_PAUSES = (FaultKind.GATEWAY_SLEEP, FaultKind.CHAT_SLEEP, FaultKind.CLOUD_SLEEP, FaultKind.BROKER_SLEEP)
SLEEPS = (*LONG_PAUSES, FaultKind.AGENT_SLEEP)
_SLEEP_SECONDS = (42.0, 48.0)
_LATEST_IN_SLOT = 0.15
"""How late in its part of the run a fault that comes once may begin, as a share of that part."""

_LASTS: dict[FaultKind, tuple[float, float]] = {
    FaultKind.GATEWAY_PAUSE: (0.5, 3.0),
    FaultKind.GATEWAY_CUT: (0.5, 4.0),
    FaultKind.GATEWAY_STALL: (2.0, 6.0),
    FaultKind.CHAT_PAUSE: (0.5, 3.0),
    FaultKind.CLOUD_PAUSE: (0.5, 3.0),
    FaultKind.BROKER_KILL: (0.1, 2.0),
    FaultKind.BROKER_TERM: (0.1, 1.0),
    FaultKind.BROKER_PAUSE: (0.5, 3.0),
    FaultKind.BROKER_FULL: (2.0, 4.0),
    FaultKind.LEADER_KILL: (0.1, 2.0),
    FaultKind.NODE_CUT: (2.0, 12.0),
    FaultKind.CLOCK_STEP: (3.0, 8.0),
    FaultKind.READER_SLOW: (1.0, 4.0),
    FaultKind.READER_HALF_OPEN: (1.0, 4.0),
    FaultKind.RESTORE: (2.0, 5.0),
    FaultKind.AGENT_PAUSE: (0.5, 4.0),
    FaultKind.AGENT_CUT: (0.5, 18.0),
    FaultKind.AGENT_SLEEP: (18.0, 24.0),
    FaultKind.ENGINE_AWAY: (1.0, 6.0),
    **dict.fromkeys(LONG_PAUSES, _SLEEP_SECONDS),
}
_DOWN_SECONDS = (0.05, 1.0)
"""How long a killed process stays down."""
_SETTLING = {
    FaultKind.LEADER_KILL: 4.0,
    FaultKind.ROLLING: 4.0,
    FaultKind.BROKER_FULL: 4.0,
    FaultKind.BROKER_KILL: 1.0,
    FaultKind.RESTORE: 8.0,
    FaultKind.STREAM_RECREATED: 6.0,
    FaultKind.AGENT_KILL_WORKING: 6.0,
}
"""An additional pause after a fault, so that there are times without an outage."""


def make_plan(seed: int, scope: Scope) -> tuple[Fault, ...]:
    """Build the faults of a run, ordered by time."""
    rng = random.Random(seed)
    weights = _weights(scope)
    alone = _spread(rng, [kind for kind, weight in weights.items() if not weight], scope.seconds)
    kinds = [kind for kind, weight in weights.items() if weight]
    queue: list[FaultKind] = []
    plan: list[Fault] = []
    at = rng.uniform(0.5, 1.5)
    while at < scope.seconds:
        if not queue:  # every kind once, then at random by weight
            queue = list(kinds)
            if any(fault.kind in kinds for fault in plan):
                queue = rng.choices(kinds, [weights[kind] for kind in kinds], k=len(kinds))
            rng.shuffle(queue)
        kind = alone.pop(0)[1] if alone and at >= alone[0][0] else queue.pop()
        seconds = rng.uniform(*_LASTS.get(kind, _DOWN_SECONDS))
        plan.append(Fault(round(at, 3), kind, rng.random(), round(seconds, 3)))
        # Other faults happen during a long pause.
        own = seconds if kind not in SLEEPS else 0.0
        at += rng.uniform(0.4, 1.6) * scope.pause + own * 0.7 + _SETTLING.get(kind, 0.0)
    return tuple(plan)


def _spread(rng: random.Random, kinds: list[FaultKind], seconds: float) -> list[tuple[float, FaultKind]]:
    """Spread the kinds that come once over the run, in random order. Returns the time from which each is due.

    They take long. A client that waits through two of them in a row has waited for longer than any one of
    them excuses.
    """
    ordered = rng.sample(kinds, len(kinds))
    slot = seconds / max(1, len(kinds))
    return [((place + rng.uniform(0.0, _LATEST_IN_SLOT)) * slot, kind) for place, kind in enumerate(ordered)]


def _weights(scope: Scope) -> dict[FaultKind, int]:
    if scope.soak:
        return {FaultKind.READER_CUT: 4, FaultKind.READER_SLOW: 1, FaultKind.READER_HALF_OPEN: 1}
    weights = dict(_WEIGHTS)
    if scope.cluster:
        weights |= _CLUSTER
    if scope.long:
        weights |= dict.fromkeys(LONG_PAUSES, 0)
    if scope.streams:
        weights |= dict.fromkeys(STREAM_FAULTS, 0)
    if scope.agent:
        weights |= _AGENT
        if scope.long:
            weights[FaultKind.AGENT_SLEEP] = 0
    if scope.full and not scope.cluster:
        weights[FaultKind.BROKER_FULL] = 2
    if scope.clock:
        weights[FaultKind.CLOCK_STEP] = 3
    if scope.only:
        weights = {kind: weights.get(kind, 1) or 1 for kind in scope.only}
    return {kind: weight for kind, weight in weights.items() if kind not in scope.without}
