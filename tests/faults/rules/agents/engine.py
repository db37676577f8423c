"""The list of servers at the end, when all is quiet: it is what the engine shows."""

from collections import Counter
from collections.abc import Iterator

from opsroom_contracts.cloud.commands import CREATING
from tests.faults.rules.agents.causes import UNKNOWN
from tests.faults.verification.agent_history import AgentHistory, EngineServer, ListedServer
from tests.faults.verification.cloud_history import StoredEvent
from tests.faults.verification.verdict import Violation


def engine_list(agent: AgentHistory, events: list[StoredEvent]) -> Iterator[Violation]:
    """Compare the portal's list with that of the engine, by the mark of the portal."""
    if not agent.looked:
        yield Violation("server list", "the lists were not compared at the end")
        return
    created = Counter(one.instance for one in agent.shown if not one.adopted)
    for instance, count in created.items():
        if count > 1:
            yield Violation("created twice", f"{instance} is {count} servers of the engine")
    shown = {one.instance: one for one in agent.shown if not one.adopted}
    by_resource = {one.resource: one for one in agent.shown}
    for server in agent.listed:
        found = by_resource.get(server.resource) if server.resource else shown.pop(server.instance, None)
        yield from (
            Violation("server list", f"{server.instance}: {words}") for words in _differs(server, found)
        )
    for instance in shown:
        yield Violation("server list", f"the engine has {instance}, which the portal does not list")
    # An adoption whose outcome was unknown may have been done later.
    known = {one.instance for one in agent.listed}
    known |= {one.instance for one in events if one.command == "adopt" and one.code == UNKNOWN}
    for instance in {one.instance for one in agent.shown if one.adopted and one.instance} - known:
        yield Violation(
            "server list", f"the engine has the adopted {instance}, which the portal does not list"
        )
    yield from _resolved(events)


def _differs(server: ListedServer, found: EngineServer | None) -> Iterator[str]:
    if server.pending:
        yield f"{server.pending} is still pending"
    if server.condition == "lost":
        if found is not None:
            yield "it is listed as lost, and the engine has it"
        return
    if found is None:
        yield f"the engine does not have it, and it is listed as {server.state}, {server.condition}"
        return
    if server.state != found.state:
        yield f"it is listed as {server.state}, and the engine says {found.state}"
    # An operation that failed and changed nothing is the condition of a server that is as before.
    failed_operation = server.condition == "failed" and server.code
    if server.condition not in {"ok", "failed"} or (
        not failed_operation and found.failed != (server.condition == "failed")
    ):
        yield f"its condition is listed as {server.condition}, and the engine says {found}"


def _resolved(events: list[StoredEvent]) -> Iterator[Violation]:
    """An unknown outcome is followed by an event that knows more, or by another operation."""
    last: dict[str, StoredEvent] = {}
    for event in events:
        if event.provider:
            last[event.instance] = event
    for event in last.values():
        if event.type == "failed" and event.code == UNKNOWN and event.command not in CREATING:
            yield Violation("outcome unknown", f"{event.command} {event.operation} was never looked into")
