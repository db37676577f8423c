"""Route of ``/api/v1/audit``: the audit log."""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from opsroom_contracts.audit import (
    AUDIT_ENTRY,
    AUDIT_PAGE_MAX,
    AuditEntryView,
    AuditPage,
    AuditRecord,
    may_be_on,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Action
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.serialization.model import copy_fields
from opsroom_contracts.subjects import AUDIT
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader

log = logging.getLogger(__name__)

_EXAMPLE = {
    "entries": [
        {
            "seq": 7,
            "entry": {
                "version": 1,
                "id": "6f1d9a1c0b9e4b3f8d0c",
                "at": "2026-11-24T00:32:08.054Z",
                "outcome": "refused",
                "action": "start",
                "actor": "alice",
                "identity": "token:9d3f5a2c8e1b47d09c6a1f2e3d4b5a69",
                "address": "203.0.113.7",
                "target": "dfc6bba1-34ad-580a-9554-9380d83f762f",
                "code": "forbidden",
                "reason": "the role viewer may not command servers",
            },
        }
    ]
}
_SequenceQuery = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
_Limit = Annotated[int, Query(ge=1, le=AUDIT_PAGE_MAX)]


def audit_router(reader: StreamReader, access: Authorizer) -> APIRouter:
    """Build the route of the audit log."""
    router = APIRouter(tags=["admin"], dependencies=[BEARER])

    @router.get(
        "/audit",
        summary="Read the audit log",
        dependencies=[Depends(access.require(Action.SEE_AUDIT))],
        response_model_exclude_none=True,
        responses=example_response(200, _EXAMPLE)
        | error_responses(
            ErrorCode.INVALID_REQUEST,
            ErrorCode.TOKEN_INVALID,
            ErrorCode.UNAUTHENTICATED,
            ErrorCode.FORBIDDEN,
            ErrorCode.BANNED,
            ErrorCode.UNAVAILABLE,
        ),
    )
    async def audit(
        before: _SequenceQuery = None, after: _SequenceQuery = None, limit: _Limit = 50
    ) -> AuditPage:
        """A page in ascending order: the latest entries, those before a sequence, or those after one."""
        if before is not None and after is not None:
            raise refuse(ErrorCode.INVALID_REQUEST, "before: must not be combined with after", field="before")
        if after is not None:
            found = await reader.page(AUDIT, start=after + 1, count=limit)
            following = found[-1].seq if len(found) == limit else None
        else:
            bounds = await reader.bounds()
            end = bounds.last + 1 if before is None else min(before, bounds.last + 1)
            start = max(bounds.first, end - limit)
            page = await reader.page(AUDIT, start=start, count=limit) if end > start else []
            found = [stored for stored in page if stored.seq < end]
            following = start if start > bounds.first else None
        records = tuple(record for stored in found for record in _readable(stored))
        return AuditPage(entries=records, next=following)

    return router


def _readable(stored: StreamMessage) -> list[AuditRecord]:
    try:
        entry = AUDIT_ENTRY.read(stored.data)
    except ContractError:
        return []
    if not may_be_on(entry, stored.subject):
        log.warning("skipped a forged audit entry on %s (sequence %d)", stored.subject, stored.seq)
        return []
    return [AuditRecord(seq=stored.seq, entry=copy_fields(entry, AuditEntryView))]
