"""Commands as the domain sees them, with everything that is needed to accept them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from opsroom_contracts.cloud.commands import CREATING, IMMEDIATE, Command
from opsroom_contracts.cloud.instances import SIMULATED
from opsroom_contracts.identity import Identity, Role


@dataclass(frozen=True, slots=True)
class NewServer:
    """What a command gives the instance that begins with it.

    ``name``: None for the default one. ``resource``: the provider's id of what is adopted.
    """

    name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    provider: str = SIMULATED
    template: str | None = None
    resource: str | None = None
    protected: bool = False
    start: bool = False


@dataclass(frozen=True, slots=True)
class AcceptCommand:
    """A command with everything that is needed to accept it.

    ``identity``: who the command is for, if known; ``actor``: the name to show. ``pending_max``: the caller's
    quota of pending operations, including this one; None: no quota. ``target``: what the request named, if
    that was not the id. ``server``: for the commands with which an instance begins. ``name``: that a request
    chose, so that no other instance may have it. ``labels``: changes of them. ``authors``: all identities
    that stand for its author, who can't approve it. ``role``: the author's, if the request says it.
    ``may_await``: whether the client can wait for an approval.
    """

    command: Command
    instance_id: str
    operation_id: str
    actor: str
    accepted_at: datetime
    due_at: datetime
    identity: str | None = None
    pending_max: int | None = None
    target: str | None = None
    server: NewServer | None = None
    name: str | None = None
    labels: Mapping[str, str | None] = field(default_factory=dict)
    authors: frozenset[Identity] = frozenset()
    role: Role | None = None
    may_await: bool = True

    @property
    def is_creating(self) -> bool:
        """Whether an instance begins with it."""
        return self.command in CREATING

    @property
    def is_immediate(self) -> bool:
        """Whether it takes effect at once."""
        return self.command in IMMEDIATE
