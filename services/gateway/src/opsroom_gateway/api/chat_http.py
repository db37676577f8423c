"""``/api/v1/chat`` over HTTP: register, who is here, what was said."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Body, Depends, Path, Query, Request

from opsroom_contracts import endpoints
from opsroom_contracts.chat import (
    HISTORY_MAX,
    HistoryReply,
    HistoryRequest,
    RegisterRequest,
    UsersReply,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.http import NewUser, Registered
from opsroom_contracts.identity import Action
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import AuthMethod, Authorizer, Principal
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_gateway.projections.members import MemberProjection
from opsroom_messaging.client.request_client import RequestClient

_Room = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", examples=["general"])]
_Place = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
_ALICE = {"id": "4958f40b-66f3-5909-accb-ac1143d7ea5f", "name": "alice"}
_MESSAGE = {
    "seq": 1,
    "id": "eeff8ee7c19f55809bab42f630aa5ddc",
    "room": "general",
    "user": _ALICE,
    "text": "hi",
    "timestamp": "2026-11-24T00:25:53.076Z",
    "clientId": "1",
}
_Limit = Annotated[int, Query(ge=1, le=HISTORY_MAX)]


_DENIED = (ErrorCode.TOKEN_INVALID, ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN, ErrorCode.BANNED)


def users_router(
    requester: RequestClient, members: MemberProjection, limits: Limits, access: Authorizer
) -> APIRouter:
    """The routes of people."""
    router = APIRouter(prefix="/chat", tags=["chat"], dependencies=[BEARER])

    @router.post(
        "/users",
        status_code=201,
        summary="Register a name",
        responses=example_response(
            201, {"user": _ALICE, "token": "4958f40b-66f3-5909-accb-ac1143d7ea5f.9hfKBzW5…"}
        )
        | error_responses(
            ErrorCode.NAME_TAKEN,
            ErrorCode.NAME_INVALID,
            ErrorCode.RATE_LIMITED,
            ErrorCode.UNAVAILABLE,
            *_DENIED,
        ),
    )
    async def register(
        client: Request, body: Annotated[NewUser, Body(examples=[{"name": "alice"}])]
    ) -> Registered:
        """Take a name of 1 to 32 characters. Keep the token: it is told once and proves who you are.

        Whoever brings a proof along (a token given out, or the issuer's) gets a token that may do what the
        proof allows, and need not say a name: the proof has one.
        """
        principal = await access.authorize(client, Action.REGISTER)
        limits.count_registration(client)
        request = RegisterRequest(
            name=_name(access, principal, body.name), client_id=uuid4().hex, grant=principal.grant
        )
        reply = await requester.request(endpoints.REGISTER, request)
        if reply.token is None:
            raise AssertionError("the chat service gives a token to everyone who registers here")
        return Registered(user=reply.user, token=reply.token)

    @router.get(
        "/users",
        summary="Who is here",
        dependencies=[Depends(access.require(Action.CHAT))],
        responses=example_response(200, {"users": [_ALICE]}) | error_responses(*_DENIED),
    )
    async def users() -> UsersReply:
        """People on the list, in the order in which they came."""
        return UsersReply(users=members.listed())

    return router


def history_router(requester: RequestClient, access: Authorizer) -> APIRouter:
    """The route of what was said."""
    router = APIRouter(prefix="/chat", tags=["chat"], dependencies=[BEARER])

    @router.get(
        "/rooms/{room}/messages",
        summary="What was said",
        dependencies=[Depends(access.require(Action.CHAT))],
        responses=example_response(200, {"messages": [_MESSAGE]})
        | error_responses(ErrorCode.ROOM_UNKNOWN, ErrorCode.INVALID_REQUEST, ErrorCode.UNAVAILABLE, *_DENIED),
        response_model_exclude_none=True,
    )
    async def history(
        room: _Room, before: _Place = None, after: _Place = None, limit: _Limit = 50
    ) -> HistoryReply:
        """A page of messages in ascending sequence: the last ones, those before one, or those after one."""
        request = HistoryRequest(room=room, before=before, after=after, limit=limit)
        return await requester.request(endpoints.HISTORY, request)

    return router


def _name(access: Authorizer, principal: Principal, asked: str | None) -> str:
    """The name to register.

    Raises:
        FaultError: ``invalid_request`` where there is none; ``name_taken`` where it is that of a token given
            out to somebody else.
    """
    has_name = principal.auth_method in {AuthMethod.STATIC, AuthMethod.SIGN_ON}
    name = principal.name if asked is None and has_name else asked
    if name is None:
        raise refuse(ErrorCode.INVALID_REQUEST, "name: must be given", field="name")
    own = principal.grant is not None and access.tokens.is_valid(principal.grant.source)
    if access.tokens.reserves_name(name) and not own:
        raise refuse(ErrorCode.NAME_TAKEN, f"The name {name!r} is already taken.", field="name")
    return name
