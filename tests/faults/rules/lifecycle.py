"""Servers: the events of each follow its life cycle, and lists show what the events say."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from math import inf

from opsroom_contracts.cloud.commands import COMMANDS, CREATING, Command
from tests.faults.verification.cloud_history import CloudLife, Snapshot, StoredEvent
from tests.faults.verification.excuses import Domain, Excuses
from tests.faults.verification.verdict import Bounds, Violation

_ENDED_BADLY = ("cancelled", "failed", "denied", "expired")


@dataclass(slots=True)
class _Server:
    """The state of a server while its events are read; ``pending``: its operation, or ``""``.

    ``waits``: whether the operation awaits approval.
    """

    state: str
    pending: str = ""
    command: str = ""
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Interval:
    """The state of ``instance`` (``""``: it did not exist) and its pending operation in this time."""

    instance: str
    state: str
    operation: str
    start: float
    end: float


def must_fail(operation: str, failure_rate: float) -> bool:
    """Whether the simulated provider fails this operation: it decides by the id."""
    return int.from_bytes(blake2b(operation.encode(), digest_size=8).digest(), "big") < failure_rate * 2**64


def lifecycles(events: list[StoredEvent], failure_rate: float) -> Iterator[Violation]:
    """One operation at a time on a server, each valid in its state, each with the right outcome.

    Servers behind agents follow other rules, in ``rules/agents``.
    """
    servers: dict[str, _Server] = {}
    for event in events:
        if event.provider:
            continue
        server = servers.get(event.instance)
        wrong = _wrong(server, event, failure_rate)
        if wrong:
            yield Violation("server state", f"{event.type} of {event.operation} at {event.seq}: {wrong}")
        _apply(servers, event)


def _wrong(server: _Server | None, event: StoredEvent, failure_rate: float) -> str:
    """Return what is wrong with an event after ``server``'s earlier ones; ``""``: nothing."""
    match event.type:
        case "retained":
            faults = _retained(server, event)
        case "requested":
            faults = _received(server, event)
        case "received" if server is not None and server.waits and server.pending == event.operation:
            faults = _goes_on(server, event)
        case "received":
            faults = _received(server, event)
        case "approved":
            faults = _goes_on(server, event)
        case _:
            faults = _final(server, event, must_fail(event.operation, failure_rate))
    return next((words for wrong, words in faults if wrong), "")


def _retained(server: _Server | None, event: StoredEvent) -> Iterator[tuple[bool, str]]:
    yield server is None or event.state != server.state, "it changes the state"


def _received(server: _Server | None, event: StoredEvent) -> Iterator[tuple[bool, str]]:
    spec = COMMANDS[Command(event.command)]
    if spec.command is Command.CREATE:
        yield server is not None, "the server exists already"
        yield event.state != "stopped", f"the state is {event.state}"
        return
    if server is None:
        yield True, "there is no such server"
        return
    yield bool(server.pending), f"{server.pending} is still pending"
    yield server.state not in spec.needs, f"not valid if {server.state}"
    yield event.state != server.state, f"the state is {event.state}, and was {server.state}"


def _goes_on(server: _Server | None, event: StoredEvent) -> Iterator[tuple[bool, str]]:
    """What is wrong with an approval of an operation, or with its reception after it."""
    if server is None or server.pending != event.operation or not server.waits:
        yield True, "it did not await approval"
        return
    yield event.command != server.command, f"the command was {server.command}"
    yield event.state != server.state, f"the state is {event.state}, and was {server.state}"


def _final(server: _Server | None, event: StoredEvent, fails: bool) -> Iterator[tuple[bool, str]]:
    if server is None or server.pending != event.operation:
        yield True, "it was not pending"
        return
    yield event.command != server.command, f"the command was {server.command}"
    yield event.type in {"denied", "expired"} and not server.waits, "it did not await approval"
    if server.waits:
        yield event.type not in {"denied", "expired", "cancelled"}, "it was not approved"
    spec = COMMANDS[Command(event.command)]
    state = server.state if event.type in _ENDED_BADLY else spec.leaves or server.state
    if event.type not in {"cancelled", "denied", "expired"}:
        yield fails != (event.type == "failed"), "the provider decided otherwise"
        yield event.type not in {"failed", spec.done}, f"{event.command} must end with {spec.done}"
    yield event.state != state, f"the state is {event.state} and must be {state}"


def shown_events(life: CloudLife) -> Iterator[Violation]:
    """Compare what dashboards were shown with the stream."""
    for event in life.events:
        shown = life.contents.get(event.seq)
        if shown is not None and shown != content_of(event):
            yield Violation("event altered", f"dashboards were shown {shown} at {event.seq}")


def content_of(event: StoredEvent) -> str:
    """Return what a dashboard must be shown of ``event``, in the form in which it is recorded."""
    return "|".join((event.type, event.operation, event.instance, event.command, event.state))


def _apply(servers: dict[str, _Server], event: StoredEvent) -> None:
    """Apply an event as a dashboard does: the last event determines the server's state."""
    undone = event.command in CREATING and event.type in _ENDED_BADLY
    if undone or event.type == "removed":
        servers.pop(event.instance, None)
    elif event.type in {"received", "requested", "approved"}:
        waits = event.type != "received"
        servers[event.instance] = _Server(event.state, event.operation, event.command, waits)
    else:
        servers[event.instance] = _Server(event.state, event.pending)


def intervals(events: list[StoredEvent]) -> dict[str, list[Interval]]:
    """Return the states of each server over time; before its first event it did not exist."""
    found: dict[str, list[Interval]] = {}
    servers: dict[str, _Server] = {}
    for event in events:
        _apply(servers, event)
        server = servers.get(event.instance)
        own = found.setdefault(event.instance, [Interval(event.instance, "", "", 0.0, inf)])
        last = own[-1]
        own[-1] = Interval(last.instance, last.state, last.operation, last.start, event.at)
        state, pending = ("", "") if server is None else (server.state, server.pending)
        own.append(Interval(event.instance, state, pending, event.at, inf))
    return found


def snapshots(life: CloudLife, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    """A list, and a dashboard that follows the events, show the stream's state at their sequence."""
    servers: dict[str, _Server] = {}
    events = iter(life.events)
    following = next(events, None)
    for snapshot in sorted(life.snapshots, key=lambda one: one.seq):
        while following is not None and following.seq <= snapshot.seq:
            _apply(servers, following)
            following = next(events, None)
        truth = {ident: f"{server.state} {server.pending}" for ident, server in servers.items()}
        for name, shown in (("list", snapshot.listed), ("dashboard", snapshot.followed)):
            if shown is not None and shown != truth:
                yield Violation("dashboard", f"the {name} of {_difference(snapshot, shown, truth)}")
        if following is not None and snapshot.at:
            behind = snapshot.at - following.at
            if behind > bounds.delivered + excuses.seconds(Domain.DELIVERIES, following.at, snapshot.at):
                yield Violation("dashboard", f"a list for {snapshot.who} was {behind:.1f} s old")


def _difference(snapshot: Snapshot, shown: dict[str, str], truth: dict[str, str]) -> str:
    keys = {key for key in shown.keys() | truth.keys() if shown.get(key) != truth.get(key)}
    one = min(keys)
    return (
        f"{snapshot.who} at {snapshot.seq}: {len(keys)} servers differ, as {one}:"
        f" {shown.get(one, 'missing')} instead of {truth.get(one, 'missing')}"
    )
