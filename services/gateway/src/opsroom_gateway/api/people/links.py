"""Routes of ``/api/v1/access`` for everybody: a link for another device, and the exchange of a link."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Body, Depends, Request

from opsroom_contracts import endpoints
from opsroom_contracts.chat.invitations import ExchangeRequest, LinkRequest
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.http_people import JOIN_FRAGMENT, DeviceLink, LinkSecret, SignedIn
from opsroom_gateway.api.audit_log import requester_of
from opsroom_gateway.api.idempotency import IdempotencyKey
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer, Principal
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_messaging.client.request_client import RequestClient

_SECRET = "4958f40b-66f3-5909-accb-ac1143d7ea5f.9hfKBz…"  # noqa: S105 - an example
_SIGNED_IN = {
    "user": {"id": "4958f40b-66f3-5909-accb-ac1143d7ea5f", "name": "alice"},
    "token": "4958f40b-66f3-5909-accb-ac1143d7ea5f.x81nQm…",
    "invited": False,
}
_ERRORS = (ErrorCode.TOKEN_INVALID, ErrorCode.BANNED, ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE)


def links_router(requester: RequestClient, access: Authorizer, limits: Limits) -> APIRouter:
    """Build the routes of links."""
    router = APIRouter(prefix="/access", tags=["session"], dependencies=[BEARER])

    @router.post(
        "/links",
        status_code=201,
        summary="Make a link for another device",
        responses=example_response(
            201, {"link": f"{JOIN_FRAGMENT}{_SECRET}", "until": "2026-11-24T00:42:08.054Z"}
        )
        | error_responses(ErrorCode.UNAUTHENTICATED, *_ERRORS),
    )
    async def link(request: Request) -> DeviceLink:
        """It signs in one more device of the caller, once, within ten minutes. A new link replaces it.

        Append `link` to the address of the page. The device gets the caller's name and role.
        """
        principal = await access.principal(request)
        if principal.user is None or principal.token_digest is None:
            raise refuse(ErrorCode.UNAUTHENTICATED, "a registration token is required: register a name first")
        limits.count_registration(request)
        wanted = LinkRequest(
            request_id=uuid4().hex,
            user_id=principal.user.id,
            token_hash=principal.token_digest,
            by=requester_of(request, principal.name, principal.identity),
        )
        reply = await requester.request(endpoints.LINK, wanted)
        return DeviceLink(link=f"{JOIN_FRAGMENT}{reply.secret}", until=reply.until)

    @router.post(
        "/exchange",
        status_code=201,
        summary="Sign in with a link",
        responses=example_response(201, _SIGNED_IN) | error_responses(ErrorCode.LINK_INVALID, *_ERRORS),
    )
    async def exchange(
        request: Request,
        principal: Annotated[Principal, Depends(access.principal)],
        body: Annotated[LinkSecret, Body(examples=[{"secret": _SECRET}])],
        key: IdempotencyKey = None,
    ) -> SignedIn:
        """The secret is what follows `#/join/` in the link. The first exchange makes it void.

        Keep the token: it is returned only to this client. After a lost response, repeat the request with the
        same idempotency key, which must be impossible to guess.
        """
        limits.count_registration(request)
        by = requester_of(request, principal.name, principal.identity)
        wanted = ExchangeRequest(secret=body.secret, key=key or uuid4().hex, by=by)
        reply = await requester.request(endpoints.EXCHANGE, wanted)
        return SignedIn(user=reply.user, token=reply.token, invited=reply.invited)

    return router
