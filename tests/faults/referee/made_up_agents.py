"""Correct histories of servers behind agents at random, with outages of agents now and then."""

import random
from dataclasses import dataclass, field, replace

from opsroom_agent.providers.simulated.fates import fate_of
from opsroom_agent.providers.simulated.settings import SimulatedSettings
from opsroom_contracts.cloud.commands import DONE, IMMEDIATE, Command
from tests.faults.nemesis.plan import FaultKind
from tests.faults.referee.made_up import BEGIN, DELAY, END
from tests.faults.rules.agents.causes import UNKNOWN
from tests.faults.verification.agent_history import (
    AgentHistory,
    EngineServer,
    Executed,
    ListedServer,
    OutsideChange,
    OutsideKind,
    Refusal,
)
from tests.faults.verification.cloud_history import Accepted, AuditRecord, Facts, StoredEvent
from tests.faults.verification.history import History, Outage

WORK = 0.5
DEADLINE = 14.0
FAILURE_RATE = 0.1
FATES = SimulatedSettings(simulated_failure_rate=FAILURE_RATE)
_OUTAGES = (FaultKind.AGENT_KILL, FaultKind.ENGINE_AWAY, FaultKind.CLOUD_PAUSE, FaultKind.BROKER_KILL)
_STATES = {"start": "running", "stop": "stopped", "restart": "running"}


@dataclass(slots=True)
class _Server:
    """A server while its history is made up. ``failed``: it has ended with an error at the engine."""

    instance: str
    at: float
    facts: Facts
    state: str = "stopped"
    failed: bool = False
    gone: bool = False
    known: bool = False
    turn: int = 0


@dataclass(slots=True)
class _Maker:
    history: History
    agent: AgentHistory
    rng: random.Random
    events: list[StoredEvent] = field(default_factory=list)

    def outages(self) -> None:
        """An outage every minute, each felt for as long as its kind allows."""
        for number in range(10):
            start = BEGIN + 60 * number
            self.history.outages.append(
                Outage(self.rng.choice(_OUTAGES).value, start, start + self.rng.uniform(0.5, 2.0), 5.0)
            )

    def live(self, number: int) -> None:
        """Take a server through some of its life."""
        rng, instance = self.rng, f"s{number}"
        server = _Server(instance, BEGIN + rng.uniform(0, 30), Facts(f"web-{number}", template="small"))
        if number == 0:
            self._appear(server)
        else:
            self._operate(server, "adopt" if number == 1 else "create", "done")
        steps = ["start", "crash", "stop", "rename", "restart", "label", "protect", "unknown", "cancel"]
        rng.shuffle(steps)
        for step in steps:
            if server.known:
                self._step(server, step)
        if not server.known:
            return
        if number % 3 == 0:
            self._operate(server, "remove", "done")
        elif number % 3 == 1:
            self._lose(server)
        else:
            self._show(server)

    def _step(self, server: _Server, step: str) -> None:
        match step:
            case "start" | "stop" | "restart":
                self._operate(server, step, "done")
            case "cancel":
                self._operate(server, "stop", "cancelled")
            case "unknown":
                self._unknown(server)
            case "crash":
                self._crash(server)
            case _:
                self._change(server, step)

    def _store(
        self, server: _Server, kind: str, operation: str, command: str, at: float, code: str = ""
    ) -> None:
        pending = operation if kind == "working" else ""
        actor = "op1" if operation else "outside"
        self.events.append(
            StoredEvent(
                *(0, kind, operation, server.instance, command, server.state, at, actor),
                *(pending, self.agent.provider, code, server.facts),
            )
        )

    def _begin(self, server: _Server, command: str, *, cancelled: bool = False) -> tuple[str, float]:
        """Accept an operation. Returns its id and when it is due."""
        server.turn += 1
        operation, at = f"{server.instance}.{server.turn}", server.at
        key, asked = f"k{operation}", (at - 0.1, at + 0.1)
        wish = {"rename": server.facts.name, "label": server.facts.labels}.get(command, "")
        self.history.cloud.accepted.append(
            Accepted(
                *(operation, command, server.instance, key, *asked, cancelled, cancelled, "op1"),
                *(self.agent.provider, wish),
            )
        )
        return operation, at + DELAY

    def _operate(self, server: _Server, command: str, how: str) -> None:
        operation, due = self._begin(server, command, cancelled=how == "cancelled")
        if command == "adopt":
            server.facts = replace(server.facts, resource=f"found-{server.instance}", template="")
        self._store(server, "received", operation, command, due - DELAY)
        if how == "cancelled":
            server.at = due - 5
            self._store(server, "cancelled", operation, command, server.at)
            return
        self._store(server, "working", operation, command, due + 0.05)
        fails = fate_of(operation, FATES).fails
        failure = "simulated failure" if fails else ""
        self._execute(server, operation, command, due + WORK, failure)
        server.at = due + WORK + self.rng.uniform(0.1, 1.0)
        if fails:
            server.facts = replace(server.facts, condition="failed", code="simulated")
            self._store(server, "failed", operation, command, server.at, "simulated")
            server.at += 1
            return
        self._succeed(server, command)
        self._store(server, str(DONE[Command(command)]), operation, command, server.at)
        server.at += self.rng.uniform(1, 20)

    def _execute(self, server: _Server, operation: str, command: str, at: float, failure: str = "") -> None:
        self.agent.executed.append(Executed(operation, server.instance, command, at, failure))

    def _succeed(self, server: _Server, command: str) -> None:
        server.known = command != "remove"
        server.failed = server.failed and command in {"create", "adopt"}
        server.state = _STATES.get(command, server.state)
        server.facts = replace(server.facts, condition="ok", code="") if server.known else Facts()

    def _unknown(self, server: _Server) -> None:
        """The agent does not report an outcome; the engine carries it out later."""
        command = "stop" if server.state == "running" else "start"
        operation, due = self._begin(server, command)
        self._store(server, "received", operation, command, due - DELAY)
        self._store(server, "working", operation, command, due + 0.05)
        self.history.outages.append(Outage("agent-kill", due, due, 30.0))
        server.facts = replace(server.facts, condition="unknown", code=UNKNOWN)
        self._store(server, "failed", operation, command, due + DEADLINE, UNKNOWN)
        fails = fate_of(operation, FATES).fails
        self._execute(server, operation, command, due + DEADLINE + 1, "simulated failure" if fails else "")
        server.state = server.state if fails else _STATES[command]
        server.failed = server.failed and fails
        self._observe(server, due + DEADLINE + 1.5)

    def _observe(self, server: _Server, at: float) -> None:
        condition = "failed" if server.failed else "ok"
        server.facts = replace(server.facts, condition=condition, code="")
        self._store(server, "observed", "", "", at)
        server.at = at + self.rng.uniform(1, 20)

    def _outside(self, server: _Server, kind: OutsideKind) -> None:
        self.agent.outside.append(
            OutsideChange(kind, server.instance, server.facts.resource, server.at, server.at + 0.01)
        )

    def _crash(self, server: _Server) -> None:
        if server.state != "running":
            return
        self._outside(server, OutsideKind.CRASHED)
        server.state, server.failed = "stopped", True
        self._observe(server, server.at + 0.5)

    def _lose(self, server: _Server) -> None:
        self._outside(server, OutsideKind.REMOVED)
        if server.state == "running" and self.rng.random() < 0.5:
            # An engine stops a container before it removes it.
            server.state = "stopped"
            self._store(server, "observed", "", "", server.at + 0.2)
        server.gone, server.state = True, "stopped"
        server.facts = replace(server.facts, condition="lost", code="vanished")
        self._store(server, "lost", "", "", server.at + 0.5)
        self.agent.refused.append(Refusal("start", server.instance, "transition_invalid", server.at + 1))
        self._show(server)

    def _appear(self, server: _Server) -> None:
        self._outside(server, OutsideKind.APPEARED)
        server.known, server.state = True, "running"
        self._store(server, "adopted", "", "", server.at + 0.5)
        server.at += self.rng.uniform(1, 20)

    def _change(self, server: _Server, step: str) -> None:
        """A change that takes effect at once."""
        changes: dict[str, dict[str, object]] = {
            "rename": {"name": f"{server.facts.name}-{server.turn}"},
            "label": {"labels": f"turn={server.turn}"},
            "protect": {"protected": True},
        }
        for command in (step, "unprotect") if step == "protect" else (step,):
            facts = changes.get(command, {"protected": False})
            server.facts = replace(server.facts, **facts)  # type: ignore[arg-type]
            operation, _ = self._begin(server, command)
            self._store(server, str(IMMEDIATE[Command(command)]), operation, command, server.at)
            server.at += 1

    def _show(self, server: _Server) -> None:
        """The server is there at the end, and is listed."""
        facts = server.facts
        self.agent.listed.append(
            ListedServer(
                server.instance, facts.name, server.state, facts.condition, facts.code, facts.resource
            )
        )
        if not server.gone:
            resource, adopted = facts.resource or f"sim-{server.instance}", bool(facts.resource)
            self.agent.shown.append(
                EngineServer(server.instance, resource, server.state, server.failed, adopted)
            )

    def finish(self) -> None:
        """Put the events in order, and write the audit."""
        life, agent = self.history.cloud, self.agent
        self.events.sort(key=lambda event: event.at)
        life.events = [replace(event, seq=seq) for seq, event in enumerate(self.events, 1)]
        for accepted in life.accepted:
            outcomes = ("accepted", accepted.command), ("accepted", "cancel")
            for outcome, action in outcomes if accepted.cancelled else outcomes[:1]:
                seq = len(life.audit) + 1
                rest = (accepted.actor, accepted.instance, accepted.operation)
                life.audit.append(AuditRecord(seq, f"e{seq}", accepted.answered, outcome, action, *rest))
        agent.looked = max((event.at for event in self.events), default=BEGIN) + 5


def served_history(seed: int) -> History:
    """Return a correct history of some servers behind agents."""
    agent = AgentHistory("lab", WORK, 45.0, DEADLINE, failure_rate=FAILURE_RATE)
    history = History(DELAY, began=BEGIN, ended=END, agent=agent)
    maker = _Maker(history, agent, random.Random(seed))
    maker.outages()
    for number in range(7):
        maker.live(number)
    maker.finish()
    return history
