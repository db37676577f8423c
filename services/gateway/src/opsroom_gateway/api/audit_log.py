"""What the gateway itself decides: noted in the audit, as the cloud service notes what it decides."""

import asyncio
from typing import Final
from uuid import uuid4

from starlette.requests import HTTPConnection

from opsroom_contracts.audit import AuditAction, AuditEntry
from opsroom_contracts.errors import Fault
from opsroom_gateway.domain.token_bucket import Rate, TokenBuckets
from opsroom_gateway.middleware.client_address import Client, client_of
from opsroom_messaging.jetstream.audit_log import AuditWriter, accepted_entry, rejected_entry

_REFUSALS: Final = Rate(1.0, 30)
"""So many refusals of one address are noted: else a stranger could flush the audit with them."""


class GatewayAuditLog:
    """Notes what was decided about a request, with where it came from."""

    def __init__(self, audit: AuditWriter) -> None:
        self._audit = audit
        self._noted = TokenBuckets(_REFUSALS)

    def accepted(self, connection: HTTPConnection, action: AuditAction, actor: str, target: str) -> None:
        """Something was done."""
        entry = accepted_entry(action, actor[:64], uuid4().hex, target)
        self._note(client_of(connection), entry.model_copy(update={"operation_id": None}))

    def refused(
        self, connection: HTTPConnection, action: AuditAction, actor: str, fault: Fault, target: str | None
    ) -> None:
        """One refusal; of an address that is refused very often, not every one."""
        client = client_of(connection)
        if self._noted.acquire(client.network, asyncio.get_running_loop().time()) > 0:
            return
        self._note(
            client, rejected_entry(action, actor[:64], fault, None if target is None else target[:128])
        )

    def _note(self, client: Client, entry: AuditEntry) -> None:
        self._audit.record(entry.model_copy(update={"address": client.address[:64]}))
