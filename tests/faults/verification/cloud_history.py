"""The part of a history that is about servers. Times are seconds since the epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.faults.verification.readers import Reader


def labels_text(labels: Mapping[str, str]) -> str:
    """Return labels as text, in order."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


@dataclass(slots=True)
class Accepted:
    """A command was accepted between ``asked`` and ``answered``.

    ``cancelled``: a request to cancel it was accepted. ``cancelling``: one was sent, whatever came of it.
    ``provider``: empty: the simulated one of the cloud service. ``wish``: the name or the labels asked for.
    """

    operation: str
    command: str
    instance: str
    key: str
    asked: float
    answered: float
    cancelled: bool = False
    cancelling: bool = False
    actor: str = ""
    provider: str = ""
    wish: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A command was refused with ``code``; ``operation``: the pending operation that the reply named."""

    command: str
    instance: str
    code: str
    operation: str
    asked: float
    answered: float
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """Somebody has approved or denied an operation. ``decision``: which; ``code``: why it does not count."""

    operation: str
    decision: str
    actor: str
    code: str = ""
    asked: float = 0.0
    answered: float = 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What an event says about its server. ``labels``: as text, in order. ``code``: of the condition."""

    name: str = ""
    labels: str = ""
    template: str = ""
    resource: str = ""
    protected: bool = False
    condition: str = "ok"
    code: str = ""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of an instance in the stream; ``at``: when the broker stored it.

    ``pending``: the operation that is pending after an event that is neither its beginning nor its end.
    ``provider``: empty: the simulated one of the cloud service. ``code``: why an operation failed. ``due``:
    when, by the clock of the process that accepted the operation; its deadline counts from then. ``need``:
    how many must approve the operation that waits after the event; 0: none waits. ``alone``: whether an admin
    approved without the others.
    """

    seq: int
    type: str
    operation: str
    instance: str
    command: str
    state: str
    at: float
    actor: str = ""
    pending: str = ""
    provider: str = ""
    code: str = ""
    facts: Facts = Facts()
    due: float = 0.0
    need: int = 0
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The list of servers at ``seq``, requested at ``at``: each id's state and pending operation.

    ``followed``: the same as a client kept it from the events that it received; None: not compared.
    ``epoch`` and ``timestamp``: with which the server knows the sequence again.
    """

    who: str
    seq: int
    listed: dict[str, str]
    followed: dict[str, str] | None = None
    at: float = 0.0
    epoch: str = ""
    timestamp: str = ""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An entry of the audit."""

    seq: int
    ident: str
    at: float
    outcome: str
    action: str
    actor: str
    target: str = ""
    operation: str = ""
    code: str = ""


@dataclass(slots=True)
class CloudLife:
    """The same of the stream of servers' events, and of the audit, which is restored with it."""

    kept: int | None = None
    began: float = 0.0
    accepted: list[Accepted] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    events: list[StoredEvent] = field(default_factory=list)
    watchers: list[Reader] = field(default_factory=list)
    contents: dict[int, str] = field(default_factory=dict)
    """What was shown at each sequence number."""
    snapshots: list[Snapshot] = field(default_factory=list)
    audit: list[AuditRecord] = field(default_factory=list)
    audit_pages: list[list[AuditRecord]] = field(default_factory=list)
    """Pages that an admin read during the run."""
