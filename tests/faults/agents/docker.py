"""A Docker engine."""

from tests.faults.agents.spec import AgentSpec
from tests.faults.verification.agent_history import EngineServer, Executed, OutsideKind


class DockerEngine:
    """TODO."""

    def __init__(self, spec: AgentSpec) -> None:
        self._spec = spec

    def servers(self) -> list[EngineServer]:
        raise NotImplementedError

    def change(self, kind: OutsideKind, server: EngineServer) -> bool:
        raise NotImplementedError

    def appear(self, instance: str) -> str:
        raise NotImplementedError

    def go_away(self, seconds: float) -> bool:
        raise NotImplementedError

    def executed(self) -> list[Executed]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
