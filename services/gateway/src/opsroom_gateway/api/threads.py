"""Routes of followed threads."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query

from opsroom_contracts import endpoints
from opsroom_contracts.chat.threads import (
    THREADS_PAGE,
    FollowRequest,
    ReadThreadRequest,
    ThreadsReply,
    ThreadsRequest,
    ThreadsUnread,
    ThreadsUnreadRequest,
    ThreadUnread,
)
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http import NewRead
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.rooms import ROOM_ERRORS, RoomId, RoomPerson, require_person
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_gateway.projections.messages import MessageProjection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import UnavailableError

_MESSAGE = "eeff8ee7c19f55809bab42f630aa5ddc"
_MessageId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", examples=[_MESSAGE])]
_THREAD = {"room": "general", "id": _MESSAGE, "following": True, "read": 40, "unread": 2, "asOf": 44}
_ERRORS = (ErrorCode.INVALID_REQUEST, *ROOM_ERRORS)


def threads_router(
    requester: RequestClient, messages: MessageProjection, access: Authorizer, limits: Limits
) -> APIRouter:
    """Build the routes of the list of followed threads. ``messages``: what clients have got."""
    router = APIRouter(prefix="/chat/threads", tags=["chat"], dependencies=[BEARER])
    person = Depends(require_person(access, limits))

    @router.get(
        "",
        summary="List followed threads",
        responses=example_response(200, {"threads": [], "asOf": 44}) | error_responses(*_ERRORS),
        response_model_exclude_none=True,
    )
    async def threads(
        who: Annotated[RoomPerson, person],
        before: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
        limit: Annotated[int, Query(ge=1, le=THREADS_PAGE)] = 20,
    ) -> ThreadsReply:
        """The thread with the newest reply comes first. `next`, if there is one, is the next `before`.

        You follow a thread once you reply in it, are mentioned by name in it, or somebody replies to a
        message of yours; and by choice. Only threads with replies, in rooms that you are in, are listed.
        """
        request = ThreadsRequest(user_id=who.user_id, before=before, limit=limit)
        return await requester.request(endpoints.THREADS, request)

    @router.get(
        "/unread",
        summary="Count unread replies in followed threads",
        responses=example_response(200, {"asOf": 44, "threads": [_THREAD]}) | error_responses(*_ERRORS),
        response_model_exclude_none=True,
    )
    async def unread(
        who: Annotated[RoomPerson, person],
        at_least: Annotated[int, Query(alias="atLeast", ge=0, le=2**63 - 1)] = 0,
    ) -> ThreadsUnread:
        """In all threads that you follow. Counts end at 999.

        The counts include replies up to `asOf`, and at least those up to `atLeast`.
        """
        request = ThreadsUnreadRequest(user_id=who.user_id, at_least=at_least)
        reply = await requester.request(endpoints.THREADS_UNREAD, request)
        if messages.is_of_other_epoch(reply.epoch):
            raise UnavailableError("the messages have just been replaced; try again")
        return reply

    return router


def follow_router(requester: RequestClient, access: Authorizer, limits: Limits) -> APIRouter:
    """Build the routes that follow one thread, and mark it as read."""
    path = "/chat/rooms/{room}/messages/{message_id}"
    router = APIRouter(prefix=path, tags=["chat"], dependencies=[BEARER])
    person = Depends(require_person(access, limits))
    responses = example_response(200, _THREAD) | error_responses(ErrorCode.MESSAGE_UNKNOWN, *_ERRORS)

    async def change(who: RoomPerson, room: str, message_id: str, *, on: bool) -> ThreadUnread:
        request = FollowRequest(user_id=who.user_id, room=room, id=message_id, on=on)
        return await requester.request(endpoints.FOLLOW, request)

    @router.put("/follow", summary="Follow a thread", responses=responses)
    async def follow(
        room: RoomId, message_id: _MessageId, who: Annotated[RoomPerson, person]
    ) -> ThreadUnread:
        """The thread of this message, which may have no replies yet. What it has by now is read."""
        return await change(who, room, message_id, on=True)

    @router.delete("/follow", summary="Stop following a thread", responses=responses)
    async def unfollow(
        room: RoomId, message_id: _MessageId, who: Annotated[RoomPerson, person]
    ) -> ThreadUnread:
        """Until you reply in it again, or are mentioned in it."""
        return await change(who, room, message_id, on=False)

    @router.put("/read", summary="Mark a thread as read", responses=responses)
    async def read(
        room: RoomId,
        message_id: _MessageId,
        body: Annotated[NewRead, Body(examples=[{"seq": 40}])],
        who: Annotated[RoomPerson, person],
    ) -> ThreadUnread:
        """Its replies up to `seq` are read, on all of your devices. A lower position changes nothing.

        Positions are stored for threads that you follow.
        """
        request = ReadThreadRequest(user_id=who.user_id, room=room, id=message_id, seq=body.seq)
        return await requester.request(endpoints.READ_THREAD, request)

    return router
