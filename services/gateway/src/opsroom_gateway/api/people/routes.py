"""Routes of ``/api/v1/access`` for admins: people and invitations."""

from typing import Annotated, Final
from uuid import uuid4

from fastapi import APIRouter, Body, Depends, Path

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.chat.invitations import InviteRequest, WithdrawRequest
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http_people import (
    JOIN_FRAGMENT,
    InvitationList,
    NewInvitation,
    NewInvitationLink,
    PeopleList,
)
from opsroom_contracts.identity import Action
from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.api.moderation import AUTH_ERRORS, Moderator, ReasonQuery, require_moderator
from opsroom_gateway.api.people.directory import PeopleDirectory
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_messaging.client.request_client import RequestClient

_INVITATION: Final = {
    "id": "4958f40b-66f3-5909-accb-ac1143d7ea5f",
    "name": "bob",
    "role": "operator",
    "by": "alice",
    "at": "2026-11-24T00:32:08.054Z",
    "until": "2026-12-01T00:32:08.054Z",
}
_PERSON: Final = {
    "id": "4958f40b-66f3-5909-accb-ac1143d7ea5f",
    "name": "alice",
    "role": "admin",
    "credential": "token",
    "present": True,
    "connections": 2,
    "devices": 2,
    "joinedAt": "2026-11-24T00:25:53.076Z",
    "seenAt": "2026-11-24T00:25:53.076Z",
    "pending": False,
}
_LINK: Final = {
    "invitation": _INVITATION,
    "link": f"{JOIN_FRAGMENT}4958f40b-66f3-5909-accb-ac1143d7ea5f.9hfKBz…",
}
_Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


def people_router(
    directory: PeopleDirectory, requester: RequestClient, access: Authorizer, audit_log: GatewayAuditLog
) -> APIRouter:
    """Build the routes of people and invitations."""
    router = APIRouter(prefix="/access", tags=["admin"], dependencies=[BEARER])
    manages = Action.MANAGE_PEOPLE
    inviter = require_moderator(access, audit_log, AuditedAction.INVITE, needed=manages)
    withdrawer = require_moderator(access, audit_log, AuditedAction.WITHDRAW, "invitation_id", needed=manages)

    @router.get(
        "/people",
        summary="List people",
        dependencies=[Depends(access.require(manages))],
        response_model_exclude_none=True,
        responses=example_response(200, {"people": [_PERSON], "more": False}) | error_responses(*AUTH_ERRORS),
    )
    async def people() -> PeopleList:
        """Everybody who is present, holds a name, or can sign in: with role, devices and when they were seen.

        A person is one entry, on however many devices. Owners of static tokens are there, too.
        """
        return directory.people()

    @router.get(
        "/invitations",
        summary="List pending invitations",
        dependencies=[Depends(access.require(manages))],
        responses=example_response(200, {"invitations": [_INVITATION]}) | error_responses(*AUTH_ERRORS),
    )
    async def invitations() -> InvitationList:
        """Those that were neither used nor withdrawn and have not ended."""
        return directory.invitations()

    @router.post(
        "/invitations",
        status_code=201,
        summary="Invite a person",
        responses=example_response(201, _LINK)
        | error_responses(ErrorCode.NAME_TAKEN, ErrorCode.NAME_INVALID, *AUTH_ERRORS),
    )
    async def invite(
        moderator: Annotated[Moderator, Depends(inviter)],
        body: Annotated[NewInvitation, Body(examples=[{"name": "bob", "role": "operator"}])],
    ) -> NewInvitationLink:
        """The name is held, and the link signs one device in with it and with the role, once.

        Append `link` to the address of the page. The first to open it is signed in, so send it privately.
        An invited person can be invited again: for a new device, or with another role.
        """
        access.check_name(body.name)
        request = InviteRequest(
            request_id=uuid4().hex, name=body.name, role=body.role, seconds=body.seconds, by=moderator.by
        )
        reply = await requester.request(endpoints.INVITE, request)
        return NewInvitationLink(invitation=reply.invitation, link=f"{JOIN_FRAGMENT}{reply.secret}")

    @router.delete(
        "/invitations/{invitation_id}",
        status_code=204,
        summary="Withdraw an invitation",
        responses=error_responses(ErrorCode.INVITATION_UNKNOWN, *AUTH_ERRORS),
    )
    async def withdraw(
        invitation_id: _Id, moderator: Annotated[Moderator, Depends(withdrawer)], reason: ReasonQuery = None
    ) -> None:
        """The link is void at once. The name is free, unless the person has signed in before."""
        request = WithdrawRequest(request_id=uuid4().hex, id=invitation_id, reason=reason, by=moderator.by)
        await requester.request(endpoints.WITHDRAW, request)

    return router
