"""Routes of mutes and bans: ``/api/v1/chat/mutes``, ``/bans`` and ``/restrictions``."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Body, Depends, Request

from opsroom_contracts import endpoints
from opsroom_contracts.addresses import network_of
from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.chat.moderation import (
    IDENTITIES_MAX,
    LiftRequest,
    Restriction,
    RestrictionKind,
    RestrictRequest,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.http import NewBan, NewMute, RestrictionList
from opsroom_contracts.identity import Action, Identity
from opsroom_contracts.text import names_alike
from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.api.idempotency import IdempotencyKey, request_id_of
from opsroom_gateway.api.moderation import AUTH_ERRORS, Id, Moderator, ReasonQuery, require_moderator
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.auth.older_services import request_with_identity
from opsroom_gateway.middleware.client_address import client_of
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_SEEN_SECONDS = 2.0
_RESTRICT_ERRORS = (ErrorCode.IDEMPOTENCY_MISMATCH, *AUTH_ERRORS)
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


class RestrictionClient:
    """Sends requests to the chat service, and returns once this gateway applies the change."""

    def __init__(self, requester: RequestClient, subscription: StreamSubscription) -> None:
        self._requester = requester
        self._subscription = subscription

    async def restrict(
        self,
        kind: RestrictionKind,
        body: NewMute | NewBan,
        moderator: Moderator,
        identities: tuple[Identity, ...],
        key: str | None,
    ) -> Restriction:
        """Mute or ban. ``identities``: the static tokens with the name. ``key``: the idempotency key.

        Raises:
            FaultError: what the chat service refused.
        """
        request = RestrictRequest(
            request_id=request_id_of(key, moderator.by, kind.value),
            kind=kind,
            name=body.name,
            address=body.address if isinstance(body, NewBan) else None,
            identities=identities or None,
            seconds=body.seconds,
            reason=body.reason,
            by=moderator.by,
        )
        reply = await request_with_identity(self._requester, endpoints.RESTRICT, request)
        await self._subscription.wait_for(reply.seq, _SEEN_SECONDS)
        return reply.restriction

    async def lift(self, request: LiftRequest) -> None:
        """Lift a mute or ban.

        Raises:
            FaultError: ``restriction_unknown``, ``unavailable``.
        """
        reply = await request_with_identity(self._requester, endpoints.LIFT, request)
        await self._subscription.wait_for(reply.seq, _SEEN_SECONDS)


def restrictions_router(
    client: RestrictionClient, access: Authorizer, audit_log: GatewayAuditLog
) -> APIRouter:
    """Build the routes of mutes and bans."""
    router = APIRouter(prefix="/chat", tags=["admin"], dependencies=[BEARER])

    def holders_of(name: str | None) -> tuple[Identity, ...]:
        """Return the static tokens with that name."""
        return () if name is None else access.tokens.holders_of(name)[:IDENTITIES_MAX]

    @router.get(
        "/restrictions",
        summary="Mutes and bans in force",
        dependencies=[Depends(access.require(Action.MODERATE))],
        response_model_exclude_none=True,
        responses=example_response(200, {"restrictions": [_RESTRICTION]}) | error_responses(*AUTH_ERRORS),
    )
    async def restrictions() -> RestrictionList:
        """Newest first."""
        return RestrictionList(restrictions=access.enforcer.in_force())

    @router.post(
        "/mutes",
        status_code=201,
        summary="Mute a user",
        response_model_exclude_none=True,
        responses=example_response(201, _RESTRICTION) | error_responses(*_RESTRICT_ERRORS),
    )
    async def mute(
        moderator: Annotated[Moderator, Depends(require_moderator(access, audit_log, AuditedAction.MUTE))],
        body: Annotated[NewMute, Body(examples=[{"name": "bob", "seconds": 600, "reason": "flooding"}])],
        key: IdempotencyKey = None,
    ) -> Restriction:
        """They can read but not send, for `seconds` or until the mute is lifted, and are notified.

        The mute applies to the name, to names that count as the same, and to every other name of a holder who
        registered with a static token or signed in. A new mute replaces an earlier one. An idempotency key is
        remembered for ten minutes.
        """
        return await client.restrict(RestrictionKind.MUTE, body, moderator, holders_of(body.name), key)

    @router.post(
        "/bans",
        status_code=201,
        summary="Ban a name or an address",
        response_model_exclude_none=True,
        responses=example_response(201, _BAN) | error_responses(*_RESTRICT_ERRORS),
    )
    async def ban(
        request: Request,
        moderator: Annotated[Moderator, Depends(require_moderator(access, audit_log, AuditedAction.BAN))],
        body: Annotated[NewBan, Body(examples=_BANS)],
        key: IdempotencyKey = None,
    ) -> Restriction:
        """Users with the name, or from the address, are disconnected and can't connect.

        A ban of a name applies to the same names as a mute. An IPv6 address stands for its /64 network. A
        new ban replaces an earlier one. An idempotency key is remembered for ten minutes.
        """
        _reject_self_ban(body, moderator, client_of(request).network)
        return await client.restrict(RestrictionKind.BAN, body, moderator, holders_of(body.name), key)

    @router.delete(
        "/restrictions/{restriction_id}",
        status_code=204,
        summary="Lift a mute or ban",
        responses=error_responses(ErrorCode.RESTRICTION_UNKNOWN, *AUTH_ERRORS),
    )
    async def lift(
        restriction_id: Id,
        moderator: Annotated[
            Moderator, Depends(require_moderator(access, audit_log, AuditedAction.LIFT, "restriction_id"))
        ],
        reason: ReasonQuery = None,
    ) -> None:
        """It no longer applies, on any gateway."""
        request = LiftRequest(request_id=uuid4().hex, id=restriction_id, reason=reason, by=moderator.by)
        await client.lift(request)

    return router


def _reject_self_ban(body: NewBan, moderator: Moderator, network: str) -> None:
    """Reject a ban of the moderator's own name or network.

    Raises:
        FaultError: ``invalid_request``.
    """
    if body.name is not None and moderator.name is not None and names_alike(body.name, moderator.name):
        raise refuse(ErrorCode.INVALID_REQUEST, "name: must not be your own name", field="name")
    if body.address is not None and network_of(body.address.strip()) == network:
        raise refuse(ErrorCode.INVALID_REQUEST, "address: must not be your own address", field="address")
