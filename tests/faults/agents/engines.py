"""The engine of a run, by the kind of its provider."""

from pathlib import Path

from opsroom_agent.settings import ProviderKind
from tests.faults.agents.docker import DockerEngine
from tests.faults.agents.lab import Lab
from tests.faults.agents.private_engine import PrivateEngine
from tests.faults.agents.spec import AgentSpec, Engine


def open_engine(spec: AgentSpec, store: Path) -> Engine:
    """Return the engine behind the agents of ``spec``. ``store``: the folder of their state.

    Raises:
        OSError: it does not respond, or did not start.
    """
    if spec.kind is not ProviderKind.DOCKER:
        return Lab(spec, store)
    if not spec.own_engine:
        return DockerEngine(spec)
    private = PrivateEngine(spec.socket.parent)
    private.start()
    return DockerEngine(spec, private)
