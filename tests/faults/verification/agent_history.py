"""The part of a history that is about servers behind an agent. Times are seconds since the epoch."""

from dataclasses import dataclass, field
from enum import StrEnum


class OutsideKind(StrEnum):
    """What was done to a server outside the portal."""

    CRASHED = "crashed"
    STOPPED = "stopped"
    REMOVED = "removed"
    APPEARED = "appeared"
    """A server with this portal's mark that the portal does not know."""


@dataclass(frozen=True, slots=True)
class OutsideChange:
    """Something was done at the engine between ``begun`` and ``ended``.

    ``instance``: as the engine has it; empty for an adopted server if the engine does not know that.
    """

    kind: OutsideKind
    instance: str
    resource: str
    begun: float
    ended: float


@dataclass(frozen=True, slots=True)
class Executed:
    """One time that the engine carried out or refused a command; ``failure``: why it was refused."""

    operation: str
    instance: str
    command: str
    at: float
    failure: str = ""


@dataclass(frozen=True, slots=True)
class EngineServer:
    """A server as the engine shows it at the end. ``failed``: it has ended with an error.

    ``instance``: empty for an adopted one if the engine does not know that.
    """

    instance: str
    resource: str
    state: str
    failed: bool = False
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class ListedServer:
    """A server as the portal lists it at the end. ``pending``: the id of its operation."""

    instance: str
    name: str
    state: str
    condition: str
    code: str = ""
    resource: str = ""
    pending: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command for a server was refused with ``code`` at ``at``."""

    command: str
    instance: str
    code: str
    at: float


@dataclass(slots=True)
class AgentHistory:
    """What happened at the engine of one provider.

    ``work``: how long an operation takes there. ``create_deadline``, ``deadline``: after which time a
    creation, or another operation, ends whatever its outcome. ``records``: whether the engine records what it
    carries out; otherwise ``executed`` has creations only. ``failure_rate``: the share that it refuses.
    ``looked``: when the two lists were compared at the end; 0: they never were.
    """

    provider: str
    work: float = 0.0
    create_deadline: float = 600.0
    deadline: float = 120.0
    records: bool = True
    failure_rate: float = 0.0
    executed: list[Executed] = field(default_factory=list)
    outside: list[OutsideChange] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    shown: list[EngineServer] = field(default_factory=list)
    listed: list[ListedServer] = field(default_factory=list)
    looked: float = 0.0
