"""Audit entries for requests that the gateway itself accepts or refuses."""

import asyncio
from typing import Final
from uuid import uuid4

from starlette.requests import HTTPConnection

from opsroom_contracts.audit import ACTOR_MAX, ADDRESS_MAX, TARGET_MAX, AuditAction, AuditEntry
from opsroom_contracts.errors import Fault
from opsroom_contracts.text import clip
from opsroom_gateway.domain.token_bucket import Rate, TokenBuckets
from opsroom_gateway.middleware.client_address import Client, client_of
from opsroom_messaging.jetstream.audit_log import AuditWriter, accepted_entry, rejected_entry

_REFUSALS: Final = Rate(1.0, 30)
"""Rate limit of audited refusals per address, so that an attacker can't flood the audit log."""


class GatewayAuditLog:
    """Writes audit entries with the client's address."""

    def __init__(self, audit: AuditWriter) -> None:
        self._audit = audit
        self._noted = TokenBuckets(_REFUSALS)

    def accepted(self, connection: HTTPConnection, action: AuditAction, actor: str, target: str) -> None:
        """Audit an accepted request."""
        entry = accepted_entry(action, clip(actor, ACTOR_MAX), uuid4().hex, target)
        self._note(client_of(connection), entry.model_copy(update={"operation_id": None}))

    def refused(
        self, connection: HTTPConnection, action: AuditAction, actor: str, fault: Fault, target: str | None
    ) -> None:
        """Audit a refused request, subject to a rate limit per address."""
        client = client_of(connection)
        if self._noted.acquire(client.network, asyncio.get_running_loop().time()) > 0:
            return
        clipped = None if target is None else clip(target, TARGET_MAX)
        self._note(client, rejected_entry(action, clip(actor, ACTOR_MAX), fault, clipped))

    def _note(self, client: Client, entry: AuditEntry) -> None:
        self._audit.record(entry.model_copy(update={"address": clip(client.address, ADDRESS_MAX)}))
