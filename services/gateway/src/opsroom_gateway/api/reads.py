"""Routes of read positions."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends

from opsroom_contracts import endpoints
from opsroom_contracts.chat.reads import ReadRequest, Unread, UnreadRequest
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http import NewRead
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.rooms import ROOM_ERRORS, RoomId, RoomPerson, require_person
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_messaging.client.request_client import RequestClient

_GENERAL = {"room": "general", "read": 40, "unread": 2, "mentions": 1, "last": 42}


def reads_router(requester: RequestClient, access: Authorizer, limits: Limits) -> APIRouter:
    """Build the routes."""
    router = APIRouter(prefix="/chat", tags=["chat"], dependencies=[BEARER])
    person = Depends(require_person(access, limits))

    @router.get(
        "/unread",
        summary="Count unread messages",
        responses=example_response(200, {"asOf": 42, "rooms": [_GENERAL]}) | error_responses(*ROOM_ERRORS),
        response_model_exclude_none=True,
    )
    async def unread(who: Annotated[RoomPerson, person]) -> Unread:
        """In each of your rooms. Counts end at 999; `asOf` is the last sequence that they include."""
        return await requester.request(endpoints.UNREAD, UnreadRequest(user_id=who.user_id))

    @router.put(
        "/rooms/{room}/read",
        summary="Mark a room as read",
        responses=example_response(200, {"asOf": 42, "rooms": [_GENERAL]})
        | error_responses(ErrorCode.INVALID_REQUEST, *ROOM_ERRORS),
        response_model_exclude_none=True,
    )
    async def read(
        room: RoomId,
        body: Annotated[NewRead, Body(examples=[{"seq": 40}])],
        who: Annotated[RoomPerson, person],
    ) -> Unread:
        """Everything up to `seq` is read, on all of your devices. A lower position changes nothing.

        Positions are stored once a second; a second request within it waits.
        """
        request = ReadRequest(user_id=who.user_id, positions={room: body.seq})
        return await requester.request(endpoints.READ, request)

    return router
