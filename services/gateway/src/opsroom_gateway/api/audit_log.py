"""Audit entries for requests that the gateway itself accepts or refuses."""

from uuid import uuid4

from starlette.requests import HTTPConnection

from opsroom_contracts.audit import ACTOR_MAX, ADDRESS_MAX, AuditAction, Requester
from opsroom_contracts.errors import Fault
from opsroom_contracts.identity import Identity
from opsroom_contracts.text import clip
from opsroom_gateway.middleware.client_address import client_of
from opsroom_messaging.jetstream.audit_log import AuditWriter, accepted_entry, rejected_entry


def requester_of(connection: HTTPConnection, name: str, identity: Identity) -> Requester:
    """Return the caller of a request as it is audited: with the client's address."""
    address = clip(client_of(connection).address, ADDRESS_MAX)
    return Requester(name=clip(name, ACTOR_MAX), address=address, identity=identity)


class GatewayAuditLog:
    """Writes audit entries. The writer limits the refusals of each identity and address."""

    def __init__(self, audit: AuditWriter) -> None:
        self._audit = audit

    def accepted(self, action: AuditAction, by: Requester, target: str) -> None:
        """Audit an accepted request."""
        entry = accepted_entry(action, by, uuid4().hex, target)
        self._audit.record(entry.model_copy(update={"operation_id": None}))

    def refused(self, action: AuditAction, by: Requester, fault: Fault, target: str | None) -> None:
        """Audit a refused request."""
        self._audit.record(rejected_entry(action, by, fault, target))
