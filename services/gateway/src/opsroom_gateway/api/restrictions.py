"""Muting and banning: ``/api/v1/chat/mutes``, ``/bans`` and ``/restrictions``."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Body, Depends, Request

from opsroom_contracts import endpoints
from opsroom_contracts.addresses import site_of
from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.http import NewBan, NewMute, RestrictionList
from opsroom_contracts.identity import Action
from opsroom_contracts.moderation import (
    LiftRequest,
    Restriction,
    RestrictionKind,
    RestrictRequest,
)
from opsroom_contracts.text import fold_name
from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.api.moderation import AUTH_ERRORS, Id, Moderator, ReasonQuery, require_moderator
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.middleware.client_address import client_of
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_SEEN_SECONDS = 2.0
_RESTRICTION = {
    "version": 1,
    "id": "5a1f0c9be2d84c7fa1b2c3d4e5f60718",
    "kind": "mute",
    "name": "bob",
    "by": "alice",
    "at": "2026-11-24T00:32:08.054Z",
    "until": "2026-11-24T00:42:08.054Z",
    "reason": "flooding",
    "lifted": False,
}
_BAN = {**_RESTRICTION, "kind": "ban", "id": "c7fa1b2c3d4e5f607185a1f0c9be2d84"}


_BANS = [{"name": "bob"}, {"address": "203.0.113.7", "seconds": 3600}]


class Restricting:
    """Asks the chat service; what it decided is answered once this gateway holds to it."""

    def __init__(self, requester: RequestClient, follower: StreamSubscription) -> None:
        self._requester = requester
        self._follower = follower

    async def restrict(
        self, kind: RestrictionKind, wanted: NewMute | NewBan, asking: Moderator
    ) -> Restriction:
        """Mute or ban.

        Raises:
            FaultError: what the chat service refused.
        """
        request = RestrictRequest(
            request_id=uuid4().hex,
            kind=kind,
            name=wanted.name,
            address=wanted.address if isinstance(wanted, NewBan) else None,
            seconds=wanted.seconds,
            reason=wanted.reason,
            by=asking.by,
        )
        reply = await self._requester.request(endpoints.RESTRICT, request)
        await self._follower.wait_for(reply.seq, _SEEN_SECONDS)
        return reply.restriction

    async def lift(self, request: LiftRequest) -> None:
        """End one.

        Raises:
            FaultError: ``restriction_unknown``, ``unavailable``.
        """
        reply = await self._requester.request(endpoints.LIFT, request)
        await self._follower.wait_for(reply.seq, _SEEN_SECONDS)


def restrictions_router(
    restricting: Restricting, access: Authorizer, audit_log: GatewayAuditLog
) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/chat", tags=["admin"], dependencies=[BEARER])

    @router.get(
        "/restrictions",
        summary="Mutes and bans in force",
        dependencies=[Depends(access.require(Action.MODERATE))],
        response_model_exclude_none=True,
        responses=example_response(200, {"restrictions": [_RESTRICTION]}) | error_responses(*AUTH_ERRORS),
    )
    async def restrictions() -> RestrictionList:
        """The newest first."""
        return RestrictionList(restrictions=access.enforcer.in_force())

    @router.post(
        "/mutes",
        status_code=201,
        summary="Mute somebody",
        response_model_exclude_none=True,
        responses=example_response(201, _RESTRICTION) | error_responses(*AUTH_ERRORS),
    )
    async def mute(
        asking: Annotated[Moderator, Depends(require_moderator(access, audit_log, AuditedAction.MUTE))],
        body: Annotated[NewMute, Body(examples=[{"name": "bob", "seconds": 600, "reason": "flooding"}])],
    ) -> Restriction:
        """They read and can't write, for `seconds` or until it is lifted, and are told so.

        It is about the name, and those that count as the same. A second mute replaces the first.
        """
        return await restricting.restrict(RestrictionKind.MUTE, body, asking)

    @router.post(
        "/bans",
        status_code=201,
        summary="Ban a name or an address",
        response_model_exclude_none=True,
        responses=example_response(201, _BAN) | error_responses(*AUTH_ERRORS),
    )
    async def ban(
        request: Request,
        asking: Annotated[Moderator, Depends(require_moderator(access, audit_log, AuditedAction.BAN))],
        body: Annotated[NewBan, Body(examples=_BANS)],
    ) -> Restriction:
        """Nobody of that name, or from that address, comes in; those who are here are sent away.

        An address of version 6 stands for its network of 64 bits. A second ban replaces the first.
        """
        _refuse_oneself(body, asking, client_of(request).network)
        return await restricting.restrict(RestrictionKind.BAN, body, asking)

    @router.delete(
        "/restrictions/{restriction_id}",
        status_code=204,
        summary="Lift a mute or ban",
        responses=error_responses(ErrorCode.RESTRICTION_UNKNOWN, *AUTH_ERRORS),
    )
    async def lift(
        restriction_id: Id,
        asking: Annotated[
            Moderator, Depends(require_moderator(access, audit_log, AuditedAction.LIFT, "restriction_id"))
        ],
        reason: ReasonQuery = None,
    ) -> None:
        """It counts no more, on any gateway."""
        request = LiftRequest(request_id=uuid4().hex, id=restriction_id, reason=reason, by=asking.by)
        await restricting.lift(request)

    return router


def _refuse_oneself(body: NewBan, asking: Moderator, network: str) -> None:
    """Let nobody shut themselves out.

    Raises:
        FaultError: ``invalid_request``.
    """
    if body.name is not None and asking.name is not None and fold_name(body.name) == fold_name(asking.name):
        raise refuse(ErrorCode.INVALID_REQUEST, "name: is your own", field="name")
    if body.address is not None and site_of(body.address.strip()) == network:
        raise refuse(ErrorCode.INVALID_REQUEST, "address: is the one you ask from", field="address")
