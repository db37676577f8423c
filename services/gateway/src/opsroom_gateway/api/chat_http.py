"""``/api/v1/chat`` over HTTP: register, who is here, what was said."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Body, Path, Query, Request

from opsroom_contracts.chat import (
    HISTORY_MAX,
    HistoryReply,
    HistoryRequest,
    RegisterReply,
    RegisterRequest,
    UsersReply,
)
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http import NewUser, Registered
from opsroom_contracts.subjects import ChatSubject
from opsroom_gateway.edge.limits import Limits
from opsroom_gateway.people_feed import PeopleFeed
from opsroom_gateway.problems import documented, shown
from opsroom_messaging.requests import Requester

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


def chat_router(requester: Requester, people: PeopleFeed, limits: Limits) -> APIRouter:
    """The routes of the chat."""
    router = APIRouter(prefix="/chat", tags=["chat"])

    @router.post(
        "/users",
        status_code=201,
        summary="Register a name",
        responses=shown(201, {"user": _ALICE, "token": "4958f40b-66f3-5909-accb-ac1143d7ea5f.9hfKBzW5…"})
        | documented(
            ErrorCode.NAME_TAKEN, ErrorCode.NAME_INVALID, ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE
        ),
    )
    async def register(
        caller: Request, body: Annotated[NewUser, Body(examples=[{"name": "alice"}])]
    ) -> Registered:
        """Take a name of 1 to 32 characters. Keep the token: it is told once and proves who you are."""
        limits.register(caller)
        request = RegisterRequest(name=body.name, client_id=uuid4().hex)
        reply = await requester.ask(ChatSubject.REGISTER, request, RegisterReply)
        if reply.token is None:
            raise AssertionError("the chat service gives a token to everyone who registers here")
        return Registered(user=reply.user, token=reply.token)

    @router.get("/users", summary="Who is here", responses=shown(200, {"users": [_ALICE]}))
    async def users() -> UsersReply:
        """People on the list, in the order in which they came."""
        return UsersReply(users=people.listed())

    @router.get(
        "/rooms/{room}/messages",
        summary="What was said",
        responses=shown(200, {"messages": [_MESSAGE]})
        | documented(ErrorCode.ROOM_UNKNOWN, ErrorCode.INVALID_REQUEST, ErrorCode.UNAVAILABLE),
        response_model_exclude_none=True,
    )
    async def history(
        room: _Room, before: _Place = None, after: _Place = None, limit: _Limit = 50
    ) -> HistoryReply:
        """A page of messages in ascending sequence: the last ones, those before one, or those after one."""
        request = HistoryRequest(room=room, before=before, after=after, limit=limit)
        return await requester.ask(ChatSubject.HISTORY, request, HistoryReply)

    return router
