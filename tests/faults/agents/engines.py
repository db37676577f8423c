"""The engine of a run, by the kind of its provider."""

from pathlib import Path

from opsroom_agent.settings import ProviderKind
from tests.faults.agents.docker import DockerEngine
from tests.faults.agents.lab import Lab
from tests.faults.agents.spec import AgentSpec, Engine


def open_engine(spec: AgentSpec, folder: Path) -> Engine:
    """Return the engine behind the agents of ``spec``. ``folder``: that of the run.

    Raises:
        OSError: there is none.
    """
    return DockerEngine(spec) if spec.kind is ProviderKind.DOCKER else Lab(spec, folder)
