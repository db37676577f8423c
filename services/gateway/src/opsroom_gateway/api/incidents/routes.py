"""Routes of ``/api/v1/incidents``."""

from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from opsroom_contracts import endpoints
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.identity import Action
from opsroom_contracts.incidents.incidents import (
    INCIDENTS_PAGE,
    ChangeIncidentRequest,
    IncidentAction,
    IncidentReply,
    IncidentRequest,
    IncidentsReply,
    IncidentsRequest,
    IncidentStatus,
)
from opsroom_contracts.incidents.report import IncidentReport
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_gateway.api.cloud.access import no_body
from opsroom_gateway.api.idempotency import IdempotencyKey, request_id_of
from opsroom_gateway.api.incidents.records import Reader, ReportRecords
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.rooms import RoomPerson, require_person
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer, Principal
from opsroom_gateway.domain.incident_report import markdown, report_lines
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_messaging.client.request_client import RequestClient

_ID: Final = "eeff8ee7c19f55809bab42f630aa5ddc"
_INCIDENT: Final = {
    "id": _ID,
    "room": "general",
    "title": "Checkout is slow",
    "seq": 7,
    "status": "acknowledged",
    "lead": {"id": "4958f40b-66f3-5909-accb-ac1143d7ea5f", "name": "alice"},
    "openedAt": "2026-11-30T12:00:00.000Z",
    "openedBy": "bob",
    "changedAt": "2026-11-30T12:01:00.000Z",
    "replies": 4,
}
_CHANGES: Final = [
    {"number": 0, "kind": "opened", "by": "bob", "at": "2026-11-30T12:00:00.000Z"},
    {"number": 1, "kind": "lead", "by": "alice", "at": "2026-11-30T12:01:00.000Z"},
]
_SHOWN: Final = {"incident": _INCIDENT, "changes": _CHANGES}
_AUTH_ERRORS: Final = (
    ErrorCode.TOKEN_INVALID,
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.FORBIDDEN,
    ErrorCode.BANNED,
)
_ERRORS: Final = (ErrorCode.INCIDENT_UNKNOWN, ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE, *_AUTH_ERRORS)
_IncidentId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", examples=[_ID])]
_Id = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
_Before = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
_Limit = Annotated[int, Query(ge=1, le=INCIDENTS_PAGE)]
_Room = Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
_MARKDOWN: Final = "text/markdown; charset=utf-8"
_REPORT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The report",
        "content": {
            "text/markdown": {"schema": {"type": "string"}},
            "application/json": {"schema": {"$ref": "#/components/schemas/IncidentReport"}},
        },
    }
}
_SUMMARIES: Final = {
    IncidentAction.LEAD: ("Take the lead", "The caller leads it, and it is acknowledged."),
    IncidentAction.ACKNOWLEDGE: ("Acknowledge an incident", "Others see that somebody deals with it."),
    IncidentAction.CLOSE: ("Close an incident", "Its thread stays, and it can be reopened."),
    IncidentAction.REOPEN: ("Reopen an incident", "Who led it leads it again."),
}


class ReportFormat(StrEnum):
    """The form of a report."""

    MARKDOWN = "md"
    JSON = "json"


def incidents_router(
    requester: RequestClient, access: Authorizer, limits: Limits, records: ReportRecords
) -> APIRouter:
    """Build the routes of incidents."""
    router = APIRouter(prefix="/incidents", tags=["incidents"], dependencies=[BEARER])
    may_chat = Depends(access.require(Action.CHAT))
    _add_lists(router, requester, may_chat)
    person = Depends(require_person(access, limits))
    for action in IncidentAction:
        _add_action(router, requester, action, person)
    _add_report(router, access, limits, records)
    return router


def _add_lists(router: APIRouter, requester: RequestClient, may_chat: Any) -> None:
    @router.get(
        "",
        summary="List incidents",
        response_model_exclude_none=True,
        responses=example_response(200, {"incidents": [_INCIDENT]})
        | error_responses(ErrorCode.INVALID_REQUEST, ErrorCode.UNAVAILABLE, *_AUTH_ERRORS),
    )
    async def incidents(
        principal: Annotated[Principal, may_chat],
        status: IncidentStatus | None = None,
        room: _Room = None,
        id: _Id = None,  # noqa: A002 - the name of the parameter in the documentation
        before: _Before = None,
        limit: _Limit = 20,
    ) -> IncidentsReply:
        """Those of rooms that the caller may read, the one that changed last first.

        A page can be shorter than `limit`, or empty, although there are more: `next` says so. It is the
        `before` of the next page. With `id`, the page has that one, or nothing: whether a thread is an
        incident.
        """
        request = IncidentsRequest(
            user_id=_user_id(principal), id=id, status=status, room=room, before=before, limit=limit
        )
        return await requester.request(endpoints.INCIDENTS, request)

    @router.get(
        "/{incident_id}",
        summary="Read an incident",
        response_model_exclude_none=True,
        responses=example_response(200, _SHOWN) | error_responses(*_ERRORS),
    )
    async def incident(incident_id: _IncidentId, principal: Annotated[Principal, may_chat]) -> IncidentReply:
        """The incident, and how it has changed. Its id is that of the first message of its thread."""
        request = IncidentRequest(id=incident_id, user_id=_user_id(principal))
        return await requester.request(endpoints.INCIDENT, request)


def _add_action(router: APIRouter, requester: RequestClient, action: IncidentAction, person: Any) -> None:
    async def act(
        incident_id: _IncidentId, who: Annotated[RoomPerson, person], key: IdempotencyKey = None
    ) -> IncidentReply:
        client_id = request_id_of(key, who.by, f"{action.value} {incident_id}")
        request = ChangeIncidentRequest(
            id=incident_id, action=action, user_id=who.user_id, client_id=client_id
        )
        return await requester.request(endpoints.CHANGE_INCIDENT, request)

    summary, description = _SUMMARIES[action]
    router.add_api_route(
        f"/{{incident_id}}/{action.value}",
        act,
        methods=["POST"],
        name=f"incident_{action.value}",
        summary=summary,
        description=f"{description} If it is so already, nothing changes. It needs the right to send there.",
        dependencies=[Depends(no_body)],
        response_model_exclude_none=True,
        responses=example_response(200, _SHOWN)
        | error_responses(ErrorCode.USER_UNKNOWN, ErrorCode.MUTED, *_ERRORS),
    )


def _add_report(router: APIRouter, access: Authorizer, limits: Limits, records: ReportRecords) -> None:
    @router.get(
        "/{incident_id}/report",
        summary="Read the report of an incident",
        response_model=IncidentReport,
        responses=_REPORT | error_responses(ErrorCode.OVERLOADED, *_ERRORS),
    )
    async def report(
        request: Request,
        incident_id: _IncidentId,
        form: Annotated[ReportFormat, Query(alias="format")] = ReportFormat.MARKDOWN,
    ) -> Response:
        """What happened, each thing once: messages of the thread, commands, approvals, and states of servers.

        Messages are there as they are now. The outcome of commands is there for those who may see servers,
        and entries of the audit log for admins.
        """
        principal = await access.authorize(request, Action.CHAT)
        limits.count_search(client_of(request), principal.identity)
        reader = Reader(
            user_id=_user_id(principal),
            sees_servers=Action.SEE_SERVERS in principal.permissions,
            sees_audit=Action.SEE_AUDIT in principal.permissions,
        )
        found, what, left_out = await records.read(incident_id, reader)
        made = IncidentReport(
            incident=found.incident,
            made_at=to_milliseconds(access.now()),
            lines=report_lines(what),
            left_out=left_out,
        )
        if form is ReportFormat.JSON:
            return Response(encode(made), media_type="application/json")
        named = f'attachment; filename="incident-{incident_id[:8]}.md"'
        return Response(markdown(made), media_type=_MARKDOWN, headers={"Content-Disposition": named})


def _user_id(principal: Principal) -> str | None:
    return None if principal.user is None else principal.user.id
