"""What events say of servers behind agents: consistent from one to the next, and changed only by a cause."""

from collections.abc import Iterator
from dataclasses import replace

from opsroom_contracts.cloud.commands import COMMANDS, CREATING, IMMEDIATE, Command
from tests.faults.rules.agents.causes import UNKNOWN, Causes
from tests.faults.verification.agent_history import OutsideKind
from tests.faults.verification.cloud_history import Facts, StoredEvent
from tests.faults.verification.verdict import Violation

_ENDS = {"cancelled", "failed", "removed"}
_CHANGES = {"renamed": ("name",), "labeled": ("labels",), "protected": ("protected",)}
_CHANGES["unprotected"] = _CHANGES["protected"]
_KEEPS = {"received", "working", "cancelled", "retained", *(str(done) for done in IMMEDIATE.values())}
"""The events after which a server is in the state and the condition as before."""
_CONDITIONS = {UNKNOWN: "unknown", "vanished": "lost"}
_OUTSIDE = {"lost", "observed"}
_TOUCHED = (OutsideKind.CRASHED, OutsideKind.STOPPED)
_GONE = (OutsideKind.REMOVED,)


def consistent(events: list[StoredEvent], causes: Causes) -> Iterator[Violation]:
    """Follow each server through its events; yield what does not follow from the one before."""
    servers: dict[str, StoredEvent] = {}
    looks: dict[str, float] = {}
    names: dict[str, str] = {}
    for event in events:
        before = servers.get(event.instance)
        if event.provider:
            since = looks.get(event.instance, 0.0)
            for wrong in _wrong(before, event, causes, since):
                yield Violation("server facts", f"{event.type} of {event.instance} at {event.seq}: {wrong}")
        gone = event.type == "removed" or (_creates(event) and event.type in _ENDS)
        if before is not None and names.get(before.facts.name) == event.instance:
            del names[before.facts.name]
        if gone:
            servers.pop(event.instance, None)
            continue
        servers[event.instance] = event
        if event.type not in _KEEPS:
            looks[event.instance] = event.at
        holder = names.setdefault(event.facts.name, event.instance)
        if event.facts.name and holder != event.instance:
            yield Violation("server name held twice", f"{event.facts.name}: {holder} and {event.instance}")


def _creates(event: StoredEvent) -> bool:
    return bool(event.command) and Command(event.command) in CREATING


def _pending(before: StoredEvent | None) -> str:
    if before is None:
        return ""
    return before.operation if before.type == "received" else before.pending


def _wrong(before: StoredEvent | None, event: StoredEvent, causes: Causes, since: float) -> Iterator[str]:
    if before is None:
        yield from _beginning(event, causes)
        return
    if event.provider != before.provider:
        yield f"the provider was {before.provider}"
    yield from _operation(before, event)
    if event.type == "removed" or (_creates(event) and event.type in _ENDS):
        return
    if _without_changes(event, before) != _without_changes(before, before, event.type):
        yield f"{event.facts}, and it was {before.facts}"
    yield from _state(before, event, causes, since)


def _without_changes(event: StoredEvent, before: StoredEvent, type_: str = "") -> Facts:
    """Return the facts without those that may change with the event, and without the condition."""
    facts = replace(event.facts, condition="", code="")
    for name in _CHANGES.get(type_ or event.type, ()):
        facts = replace(facts, **{name: getattr(before.facts, name)})
    return facts


def _beginning(event: StoredEvent, causes: Causes) -> Iterator[str]:
    if event.type == "adopted" and not event.operation:
        if not causes.explain(event.instance, 0.0, event.at, (OutsideKind.APPEARED,)):
            yield "nobody has created it"
    elif event.type != "received" or not _creates(event):
        yield "there is no such server"


def _operation(before: StoredEvent, event: StoredEvent) -> Iterator[str]:
    """The operation that is pending before and after it."""
    pending = _pending(before)
    if event.type == "received":
        if pending:
            yield f"{pending} is still pending"
        if before.facts.protected and event.command in {"stop", "restart", "remove"}:
            yield "it is protected"
        if before.facts.condition == "lost" and event.command != "remove":
            yield "it is lost"
    elif event.type == "working":
        if (pending, event.pending) != (event.operation, event.operation):
            yield f"{pending or 'nothing'} was pending, and then {event.pending or 'nothing'}"
    elif not event.operation or event.type in _KEEPS - {"cancelled"}:
        if event.pending != pending and event.type != "retained":
            yield f"{pending or 'nothing'} was pending, and then {event.pending or 'nothing'}"
    elif event.operation != pending or event.pending:
        yield f"{pending or 'nothing'} was pending before it, and {event.pending or 'nothing'} after it"


def _state(before: StoredEvent, event: StoredEvent, causes: Causes, since: float) -> Iterator[str]:
    """The state and the condition after it."""
    now, was = (event.state, event.facts.condition), (before.state, before.facts.condition)
    touched = causes.explain(event.instance, since, event.at, _kinds_that_show(event))
    if event.type in _KEEPS:
        if now != was:
            yield f"{now}, and it was {was}"
    elif event.type == "failed":
        yield from _failed(before, event, causes, touched=touched)
    elif event.type in _OUTSIDE:
        yield from _outside(before, event, causes, touched=touched)
    elif now == was == ("stopped", "failed") and event.type == "stopped":
        return  # what has ended with an error need not be stopped, and stays as it is
    elif now != (_wished(event), "ok") and not touched:
        yield f"it is {now} after {event.command}"


def _kinds_that_show(event: StoredEvent) -> tuple[OutsideKind, ...]:
    """What may have been done outside: an engine stops a container before it removes it."""
    stops = event.type == "observed" and event.state == "stopped"
    return (*_TOUCHED, *_GONE) if stops else _TOUCHED


def _outside(before: StoredEvent, event: StoredEvent, causes: Causes, *, touched: bool) -> Iterator[str]:
    now = (event.state, event.facts.condition)
    if event.type == "lost":
        if now != ("stopped", "lost"):
            yield f"it is {now}"
        if not causes.explain(event.instance, 0.0, event.at, _GONE):
            yield "nobody has removed it"
    elif not touched and before.facts.condition not in {"unknown", "lost"}:
        yield f"nobody has changed it: {now}, and it was {before.state}, {before.facts.condition}"


def _failed(before: StoredEvent, event: StoredEvent, causes: Causes, *, touched: bool) -> Iterator[str]:
    if event.facts.condition != _CONDITIONS.get(event.code, "failed"):
        yield f"its condition is {event.facts.condition} after {event.code}"
    if event.code == "vanished" and not causes.explain(event.instance, 0.0, event.at, _GONE):
        yield "nobody has removed it"
    if event.state != before.state and not touched and event.code not in _CONDITIONS:
        yield f"it is {event.state}, and was {before.state}"


def _wished(event: StoredEvent) -> str:
    spec = COMMANDS.get(Command(event.command))
    if spec is None or spec.leaves is None or spec.command is Command.CREATE:
        return event.state  # what is adopted is as it was, and what is created may be started, too
    return str(spec.leaves)
