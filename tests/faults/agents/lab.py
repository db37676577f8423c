"""The engine of the simulated provider: a file that the agents share with the one who changes it outside."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opsroom_agent.providers.simulated.engine import SimulatedEngine, read_executions
from opsroom_agent.providers.simulated.provider import STATE_FILE
from opsroom_agent.providers.simulated.schema import SimulatedServer
from tests.faults.agents.spec import STATE_FOLDER, AgentSpec
from tests.faults.verification.agent_history import EngineServer, Executed, OutsideKind


@contextmanager
def _engine_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(str(error)) from error


_REASON = "exited with 137"


class Lab:
    """The engine of the simulated provider. ``store``: the folder of the agents' state."""

    def __init__(self, spec: AgentSpec, store: Path) -> None:
        self._spec = spec
        self._path = store / STATE_FOLDER / STATE_FILE
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = SimulatedEngine(self._path)
        self._appeared = 0

    def servers(self) -> list[EngineServer]:
        """Return the servers of this portal."""
        return [
            EngineServer(
                one.instance or "",
                one.resource,
                "running" if one.running else "stopped",
                one.failure is not None,
                one.adopted,
            )
            for one in self._engine.servers()
            if one.portal == self._spec.portal
        ]

    def change(self, kind: OutsideKind, server: EngineServer) -> bool:
        """Crash, stop or remove a server."""
        with _engine_errors():
            if server not in self.servers():
                return False  # it has changed since
            match kind:
                case OutsideKind.CRASHED:
                    self._engine.crash(server.resource, _REASON, time.time())
                case OutsideKind.STOPPED:
                    self._engine.stop(server.resource, time.time())
                case _:
                    self._engine.remove(server.resource)
        return True

    def appear(self, instance: str) -> str:
        """Create a server of this portal, or one of none."""
        self._appeared += 1
        name = f"outside-{self._appeared}"
        portal = self._spec.portal if instance else None
        resource = f"sim-{portal}-{instance}" if instance else f"found-outside-{self._appeared}"
        running, template = self._appeared % 2 == 0, "small" if instance else None
        server = SimulatedServer(
            resource, portal, instance or None, name, template, False, running, None, time.time()
        )
        with _engine_errors():
            self._engine.place(server)
        return resource

    def may_be_adopted(self, resource: str) -> bool:
        """Return True: the engine is the run's own."""
        return True

    def go_away(self, seconds: float) -> bool:
        """Respond to no agent for a while."""
        with _engine_errors():
            self._engine.go_away(time.time() + seconds)
        time.sleep(seconds)
        return True

    def executed(self) -> list[Executed]:
        """Return everything that was carried out or refused."""
        return [
            Executed(one.operation, one.instance, one.command, one.at, one.failure or "")
            for one in read_executions(self._path)
        ]

    def close(self) -> None:
        """Close the file."""
        self._engine.close()
