"""Routes of rooms and their members."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import APIRouter, Body, Depends, Path, Query, Request

from opsroom_contracts import endpoints
from opsroom_contracts.audit import Requester
from opsroom_contracts.chat.rooms import (
    MEMBERS_PAGE,
    ROOMS_PAGE,
    AddMembersRequest,
    ChangeRoomRequest,
    CreateRoomRequest,
    DirectRequest,
    ExpelRequest,
    JoinRoomRequest,
    LeaveRoomRequest,
    MembershipReply,
    Room,
    RoomMembersReply,
    RoomMembersRequest,
    RoomReply,
    RoomsReply,
    RoomsRequest,
)
from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.http import NewDirectRoom, NewMembers, NewRoom, RoomPatch
from opsroom_contracts.identity import Action
from opsroom_contracts.serialization.model import Model
from opsroom_gateway.api.idempotency import IdempotencyKey, request_id_of
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer, Principal
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

RequestT = TypeVar("RequestT", bound=Model)

_SEEN_SECONDS = 2.0
RoomId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", examples=["r-2ne4xyw7oqx5cqw5fmmqvxnz"])]
_UserId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
_AUTH_ERRORS = (ErrorCode.TOKEN_INVALID, ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN, ErrorCode.BANNED)
ROOM_ERRORS = (ErrorCode.ROOM_UNKNOWN, ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE, *_AUTH_ERRORS)
_ALICE = {"id": "4958f40b-66f3-5909-accb-ac1143d7ea5f", "name": "alice"}
_BOB = {"id": "0b7c1f3e-9f0e-5c7b-a0c1-6f1b6e1d2c3a", "name": "bob"}
_ROOM = {
    "id": "r-2ne4xyw7oqx5cqw5fmmqvxnz",
    "kind": "public",
    "name": "Deploys",
    "description": "What goes out, and when",
    "archived": False,
    "createdBy": _ALICE,
    "createdAt": "2026-11-24T00:25:53.076Z",
}
_DIRECT = {
    "id": "d-k4o2t6xw7y4cqk5d6mmqvxab",
    "kind": "direct",
    "archived": False,
    "createdBy": _ALICE,
    "createdAt": "2026-11-24T00:25:53.076Z",
}


@dataclass(frozen=True, slots=True)
class RoomPerson:
    """The registered user who sent a request. ``moderator``: whether they may change rooms of others."""

    user_id: str
    by: Requester
    moderator: bool
    principal: Principal


class RoomClient:
    """Sends requests to the chat service, and returns once this gateway applies the change."""

    def __init__(self, requester: RequestClient, subscription: StreamSubscription) -> None:
        self._requester = requester
        self._subscription = subscription

    async def room(self, endpoint: Endpoint[RequestT, RoomReply], request: RequestT) -> Room:
        """Return a room that was changed."""
        reply = await self._requester.request(endpoint, request)
        await self._subscription.wait_for(reply.seq, _SEEN_SECONDS)
        return reply.room

    async def membership(self, endpoint: Endpoint[RequestT, MembershipReply], request: RequestT) -> None:
        """Change a membership."""
        reply = await self._requester.request(endpoint, request)
        await self._subscription.wait_for(reply.seq, _SEEN_SECONDS)


def require_person(access: Authorizer, limits: Limits) -> Callable[[Request], Awaitable[RoomPerson]]:
    """Return the dependency of a route that changes rooms: a registered user, who is not too fast."""

    async def person(request: Request) -> RoomPerson:
        principal = await access.authorize(request, Action.CHAT)
        if principal.user is None:
            raise refuse(ErrorCode.FORBIDDEN, "register a name first: rooms have members")
        limits.count_message(client_of(request), principal.identity)
        by = Requester(name=principal.name, identity=principal.identity)
        return RoomPerson(principal.user.id, by, Action.MODERATE in principal.permissions, principal)

    return person


def rooms_router(
    client: RoomClient, requester: RequestClient, access: Authorizer, limits: Limits
) -> APIRouter:
    """Build the routes of rooms."""
    router = APIRouter(prefix="/chat", tags=["chat"], dependencies=[BEARER])
    person = Depends(require_person(access, limits))

    @router.get(
        "/rooms",
        summary="List rooms",
        responses=example_response(
            200,
            {"rooms": [{"room": {"id": "general", "kind": "open", "name": "general", "archived": False}}]},
        )
        | error_responses(ErrorCode.UNAVAILABLE, *_AUTH_ERRORS),
        response_model_exclude_none=True,
    )
    async def rooms(
        request: Request,
        after: Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")] = None,
        limit: Annotated[int, Query(ge=1, le=ROOMS_PAGE)] = ROOMS_PAGE,
    ) -> RoomsReply:
        """Rooms that everybody is in, public ones, and your own private and direct ones, sorted by id."""
        principal = await access.authorize(request, Action.CHAT)
        user_id = None if principal.user is None else principal.user.id
        query = RoomsRequest(user_id=user_id, after=after, limit=limit)
        return await requester.request(endpoints.ROOMS, query)

    @router.post(
        "/rooms",
        status_code=201,
        summary="Create a room",
        responses=example_response(201, _ROOM)
        | error_responses(
            ErrorCode.NAME_TAKEN,
            ErrorCode.NAME_INVALID,
            ErrorCode.RATE_LIMITED,
            ErrorCode.UNAVAILABLE,
            *_AUTH_ERRORS,
        ),
        response_model_exclude_none=True,
    )
    async def create(
        body: Annotated[NewRoom, Body(examples=[{"name": "Deploys"}, {"name": "Salaries", "private": True}])],
        who: Annotated[RoomPerson, person],
        key: IdempotencyKey = None,
    ) -> Room:
        """The name has 1 to 64 characters, and no other room has it. You are the room's owner."""
        request = CreateRoomRequest(
            user_id=who.user_id,
            client_id=request_id_of(key, who.by, "create-room"),
            name=body.name,
            description=body.description,
            private=body.private,
        )
        return await client.room(endpoints.CREATE_ROOM, request)

    @router.patch(
        "/rooms/{room}",
        summary="Change a room",
        responses=example_response(200, _ROOM)
        | error_responses(ErrorCode.NAME_TAKEN, ErrorCode.NAME_INVALID, *ROOM_ERRORS),
        response_model_exclude_none=True,
    )
    async def change(
        room: RoomId,
        body: Annotated[RoomPatch, Body(examples=[{"description": "What goes out"}, {"archived": True}])],
        who: Annotated[RoomPerson, person],
    ) -> Room:
        """Owners may, and moderators may change public rooms."""
        request = ChangeRoomRequest(
            user_id=who.user_id,
            moderator=who.moderator,
            room=room,
            name=body.name,
            description=body.description,
            archived=body.archived,
        )
        return await client.room(endpoints.CHANGE_ROOM, request)

    @router.post(
        "/direct",
        summary="Talk directly",
        responses=example_response(200, _DIRECT)
        | error_responses(
            ErrorCode.USER_UNKNOWN, ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE, *_AUTH_ERRORS
        ),
        response_model_exclude_none=True,
    )
    async def direct(
        body: Annotated[NewDirectRoom, Body(examples=[{"users": [_BOB["id"]]}])],
        who: Annotated[RoomPerson, person],
    ) -> Room:
        """The direct room of you and these people. It is created unless it exists."""
        return await client.room(endpoints.DIRECT, DirectRequest(user_id=who.user_id, users=body.users))

    return router


def room_members_router(
    client: RoomClient, requester: RequestClient, access: Authorizer, limits: Limits
) -> APIRouter:
    """Build the routes of the members of a room."""
    router = APIRouter(prefix="/chat/rooms/{room}", tags=["chat"], dependencies=[BEARER])
    person = Depends(require_person(access, limits))

    @router.get(
        "/members",
        summary="List a room's members",
        responses=example_response(
            200, {"members": [{"user": _ALICE, "role": "owner", "joinedAt": "2026-11-24T00:25:53.076Z"}]}
        )
        | error_responses(*ROOM_ERRORS),
        response_model_exclude_none=True,
    )
    async def members(
        room: RoomId,
        who: Annotated[RoomPerson, person],
        after: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")] = None,
        limit: Annotated[int, Query(ge=1, le=MEMBERS_PAGE)] = MEMBERS_PAGE,
    ) -> RoomMembersReply:
        """Sorted by id. Rooms that everybody is in have no members: read the user list."""
        query = RoomMembersRequest(user_id=who.user_id, room=room, after=after, limit=limit)
        return await requester.request(endpoints.ROOM_MEMBERS, query)

    @router.post("/join", status_code=204, summary="Join a room", responses=error_responses(*ROOM_ERRORS))
    async def join(room: RoomId, who: Annotated[RoomPerson, person]) -> None:
        """Public rooms only. Your sockets get a `room` frame, and the room's messages from then on."""
        await client.membership(endpoints.JOIN_ROOM, JoinRoomRequest(user_id=who.user_id, room=room))

    @router.post("/leave", status_code=204, summary="Leave a room", responses=error_responses(*ROOM_ERRORS))
    async def leave(room: RoomId, who: Annotated[RoomPerson, person]) -> None:
        """If you are the only owner, the member who joined first becomes one."""
        await client.membership(endpoints.LEAVE_ROOM, LeaveRoomRequest(user_id=who.user_id, room=room))

    @router.post(
        "/invite",
        status_code=204,
        summary="Add people to a room",
        responses=error_responses(ErrorCode.USER_UNKNOWN, *ROOM_ERRORS),
    )
    async def invite(
        room: RoomId,
        body: Annotated[NewMembers, Body(examples=[{"users": [_BOB["id"]]}])],
        who: Annotated[RoomPerson, person],
    ) -> None:
        """Any member may. They can read what was said before."""
        request = AddMembersRequest(user_id=who.user_id, room=room, users=body.users)
        await client.membership(endpoints.ADD_MEMBERS, request)

    @router.delete(
        "/members/{user_id}",
        status_code=204,
        summary="Remove a member",
        responses=error_responses(ErrorCode.USER_UNKNOWN, *ROOM_ERRORS),
    )
    async def expel(room: RoomId, user_id: _UserId, who: Annotated[RoomPerson, person]) -> None:
        """Owners may, and moderators may in public rooms."""
        request = ExpelRequest(user_id=who.user_id, moderator=who.moderator, room=room, user=user_id)
        await client.membership(endpoints.EXPEL, request)

    return router
