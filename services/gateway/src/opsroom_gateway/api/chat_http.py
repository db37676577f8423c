"""Routes of ``/api/v1/chat``: registration, user list and history."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Body, Depends, Path, Query, Request

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import (
    HISTORY_MAX,
    USERS_MAX,
    HistoryReply,
    HistoryRequest,
    RegisterRequest,
    ThreadReply,
    ThreadRequest,
    UserCursor,
    UsersReply,
)
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.http import NewUser, Registered
from opsroom_contracts.identity import Action, Credential, Grant, credential_of
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import AuthMethod, Authorizer, Principal
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_gateway.projections.members import MemberProjection
from opsroom_gateway.projections.messages import MessageProjection
from opsroom_messaging.client.request_client import RequestClient

_Room = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", examples=["general"])]
_SequenceQuery = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
_AtQuery = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
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
_UsersLimit = Annotated[int | None, Query(ge=1, le=USERS_MAX)]
_UserCursorQuery = Annotated[UserCursor | None, Query()]


_AUTH_ERRORS = (ErrorCode.TOKEN_INVALID, ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN, ErrorCode.BANNED)


def users_router(
    requester: RequestClient, members: MemberProjection, limits: Limits, access: Authorizer
) -> APIRouter:
    """Build the routes of registration and user list."""
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
            *_AUTH_ERRORS,
        ),
    )
    async def register(
        client: Request, body: Annotated[NewUser, Body(examples=[{"name": "alice"}])]
    ) -> Registered:
        """The name has 1 to 32 characters. Keep the token: it authenticates you and is returned only once.

        With a static token of the operator or a token of the issuer, the new token has the same permissions,
        and the name is optional: the default is the name in that token. Registering the same name again with
        the same credential signs in one more device of the same user.
        """
        principal = await access.authorize(client, Action.REGISTER)
        limits.count_registration(client)
        request = RegisterRequest(
            name=_name(access, principal, body.name), client_id=uuid4().hex, grant=_grant(principal)
        )
        reply = await requester.request(endpoints.REGISTER, request)
        if reply.token is None:
            raise AssertionError("the chat service returned no token")
        return Registered(user=reply.user, token=reply.token)

    @router.get(
        "/users",
        summary="List users",
        dependencies=[Depends(access.require(Action.CHAT))],
        responses=example_response(200, {"users": [_ALICE]})
        | error_responses(ErrorCode.INVALID_REQUEST, *_AUTH_ERRORS),
        response_model_exclude_none=True,
    )
    async def users(after: _UserCursorQuery = None, limit: _UsersLimit = None) -> UsersReply:
        """The listed users, in the order of joining.

        With `limit` or `after` a page; `next` is the `after` of the next one.
        """
        if after is None and limit is None:
            return UsersReply(users=members.users.all())
        page, following = members.users.page(after, limit or USERS_MAX)
        return UsersReply(users=page, next=following)

    return router


def history_router(requester: RequestClient, messages: MessageProjection, access: Authorizer) -> APIRouter:
    """Build the route of the history."""
    router = APIRouter(prefix="/chat", tags=["chat"], dependencies=[BEARER])

    @router.get(
        "/rooms/{room}/messages",
        summary="Read messages",
        responses=example_response(200, {"messages": [_MESSAGE]})
        | error_responses(
            ErrorCode.ROOM_UNKNOWN, ErrorCode.INVALID_REQUEST, ErrorCode.UNAVAILABLE, *_AUTH_ERRORS
        ),
        response_model_exclude_none=True,
    )
    async def history(
        room: _Room,
        principal: Annotated[Principal, Depends(access.require(Action.CHAT))],
        before: _SequenceQuery = None,
        after: _SequenceQuery = None,
        at: _AtQuery = None,
        limit: _Limit = 50,
    ) -> HistoryReply:
        """A page in ascending order: the latest messages, those before a sequence, or those after one.

        A page can be shorter than `limit` although there are more messages: `next` says so.

        With `at`, the room as it was when that was the last sequence. Messages that were edited or removed
        since are in `erased`, without their texts of then: these are erased everywhere. Not more than 10,000
        events of the room ago; if that is not possible, the error names the oldest possible value.
        """
        user_id = None if principal.user is None else principal.user.id
        request = HistoryRequest(room=room, user_id=user_id, before=before, after=after, at=at, limit=limit)
        epoch = messages.epoch
        page = await _page(requester, request)
        return page.model_copy(update={"epoch": epoch, "next": _next(page, request)})

    @router.get(
        "/rooms/{room}/messages/{message_id}/thread",
        summary="Read a thread",
        responses=example_response(200, {"root": _MESSAGE, "replies": [], "asOf": 1})
        | error_responses(
            ErrorCode.ROOM_UNKNOWN,
            ErrorCode.MESSAGE_UNKNOWN,
            ErrorCode.INVALID_REQUEST,
            ErrorCode.UNAVAILABLE,
            *_AUTH_ERRORS,
        ),
        response_model_exclude_none=True,
    )
    async def thread(
        room: _Room,
        message_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")],
        principal: Annotated[Principal, Depends(access.require(Action.CHAT))],
        before: _SequenceQuery = None,
        limit: _Limit = 50,
    ) -> ThreadReply:
        """The message, and a page of its replies in ascending order: the last ones, or those before one.

        `next` is the `before` of the next page.
        """
        user_id = None if principal.user is None else principal.user.id
        request = ThreadRequest(room=room, id=message_id, user_id=user_id, before=before, limit=limit)
        return await requester.request(endpoints.THREAD, request)

    return router


async def _page(requester: RequestClient, request: HistoryRequest) -> HistoryReply:
    """Request a page. Services of the last release have no readers, and then no rooms with members."""
    try:
        return await requester.request(endpoints.HISTORY, request)
    except FaultError as error:
        fault = error.fault
        if fault.code is not ErrorCode.INVALID_REQUEST or fault.field != "userId":
            raise
    return await requester.request(endpoints.HISTORY, request.model_copy(update={"user_id": None}))


def _next(page: HistoryReply, request: HistoryRequest) -> int | None:
    """Return the `next` of a page: a full one may be followed by another, whatever the service says."""
    if page.next is not None or len(page.messages) < request.limit:
        return page.next
    return page.messages[0].seq if request.after is None else page.messages[-1].seq


def _grant(principal: Principal) -> Grant | None:
    """Return the grant of a registration. That of an invitation is for the invited name alone."""
    if credential_of(principal.grant) is Credential.INVITATION:
        return None
    return principal.grant


def _name(access: Authorizer, principal: Principal, requested: str | None) -> str:
    """Return the name to register.

    Raises:
        FaultError: ``invalid_request``: there is no name. ``name_taken``: it is reserved.
    """
    has_name = principal.auth_method in {AuthMethod.STATIC, AuthMethod.SIGN_ON}
    name = principal.name if requested is None and has_name else requested
    if name is None:
        raise refuse(ErrorCode.INVALID_REQUEST, "name: is required", field="name")
    access.check_name(name, principal.grant)
    return name
