"""Routes that send and change messages: what the frames of the chat socket do, for programs without one."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Body, Depends, Path, Query, Request

from opsroom_contracts import endpoints
from opsroom_contracts.chat.emoji import Emoji
from opsroom_contracts.chat.models import (
    DeleteRequest,
    EditRequest,
    PinRequest,
    PinsReply,
    PinsRequest,
    ReactRequest,
    SendReply,
    SendRequest,
)
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.http import NewMessage, NewText
from opsroom_contracts.identity import Action
from opsroom_gateway.api.idempotency import IdempotencyKey, request_id_of
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.rooms import ROOM_ERRORS, RoomId, RoomPerson, require_person
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer, Principal
from opsroom_gateway.chat.commands import ChatCommands, Speaker
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_messaging.client.request_client import NotServedError, RequestClient

_MessageId = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", examples=["eeff8ee7c19f55809bab42f630aa5ddc"])
]
_EmojiPath = Annotated[Emoji, Path(description="One emoji, percent-encoded.", examples=["👍"])]
_STORED = {
    "seq": 7,
    "id": "eeff8ee7c19f55809bab42f630aa5ddc",
    "timestamp": "2026-11-24T00:25:53.076Z",
    "duplicate": False,
}
_ERRORS = (ErrorCode.USER_UNKNOWN, ErrorCode.MUTED, *ROOM_ERRORS)
_CHANGE_ERRORS = (ErrorCode.MESSAGE_UNKNOWN, *_ERRORS)
_NOT_THEIRS = frozenset({ErrorCode.FORBIDDEN, ErrorCode.ROOM_UNKNOWN, ErrorCode.USER_UNKNOWN})
"""Refusals of an author's deletion after which a moderator may still remove the message."""


class Authors:
    """Deletes messages for their authors."""

    def __init__(self, requester: RequestClient, access: Authorizer, limits: Limits) -> None:
        self._requester = requester
        self._access = access
        self._limits = limits

    async def delete(self, request: Request, room: str, message_id: str) -> bool:
        """Delete a message if the client is its author; return whether they are.

        Raises:
            FaultError: ``message_unknown``; ``rate_limited``; ``unavailable``.
        """
        try:
            principal = await self._access.authorize(request, Action.CHAT)
        except FaultError:
            return False  # the check of moderators decides, and audits it
        if principal.user is None:
            return False
        self._limits.count_message(client_of(request), principal.identity)
        deletion = DeleteRequest(user_id=principal.user.id, client_id=uuid4().hex, room=room, id=message_id)
        try:
            await self._requester.request(endpoints.DELETE, deletion, optional=True)
        except NotServedError:  # no service of this release is running
            return False
        except FaultError as error:
            if error.fault.code in _NOT_THEIRS:
                return False
            raise
        return True


def messages_router(
    requester: RequestClient, access: Authorizer, limits: Limits, commands: ChatCommands
) -> APIRouter:
    """Build the routes of messages, except their history and removal."""
    router = APIRouter(prefix="/chat/rooms/{room}", tags=["chat"], dependencies=[BEARER])
    person = Depends(require_person(access, limits))

    @router.post(
        "/messages",
        status_code=201,
        summary="Send a message",
        responses=example_response(201, _STORED)
        | error_responses(ErrorCode.FILE_UNKNOWN, ErrorCode.MESSAGE_UNKNOWN, *_ERRORS),
    )
    async def send(
        room: RoomId,
        body: Annotated[NewMessage, Body(examples=[{"text": "hi"}])],
        who: Annotated[RoomPerson, person],
        request: Request,
        key: IdempotencyKey = None,
    ) -> SendReply:
        """Replies once the message is stored. `duplicate`: an earlier request with the same key stored it.

        You need not have a socket open, as long as nobody else has taken your name. A text of one line that
        begins with `/` is a command, such as `/restart web-1`: it is done once, and the portal replies in the
        room. `//` stands for a `/` at the beginning of a text.
        """

        async def principal() -> Principal:
            return who.principal

        message = SendRequest(
            user_id=who.user_id,
            client_id=request_id_of(key, who.by, "send"),
            room=room,
            text=body.text,
            files=body.files,
            thread=body.thread,
            broadcast=body.broadcast,
        )
        speaker = Speaker(client_of(request), principal)
        return await requester.request(endpoints.SEND, await commands.read(message, speaker))

    @router.patch(
        "/messages/{message_id}",
        summary="Edit a message",
        responses=example_response(200, _STORED) | error_responses(*_CHANGE_ERRORS),
    )
    async def edit(
        room: RoomId,
        message_id: _MessageId,
        body: Annotated[NewText, Body(examples=[{"text": "hi all"}])],
        who: Annotated[RoomPerson, person],
        key: IdempotencyKey = None,
    ) -> SendReply:
        """Your own messages only. Replies once the text before is erased from the broker's disk.

        With a key, a retry does not undo a later edit.
        """
        client_id = request_id_of(key, who.by, f"edit {room} {message_id}")
        request = EditRequest(
            user_id=who.user_id, client_id=client_id, room=room, id=message_id, text=body.text
        )
        return await requester.request(endpoints.EDIT, request)

    @router.get(
        "/pins",
        summary="List pinned messages",
        responses=example_response(200, {"pins": [], "asOf": 42})
        | error_responses(*ROOM_ERRORS, ErrorCode.UNAVAILABLE),
        response_model_exclude_none=True,
    )
    async def pins(
        room: RoomId,
        principal: Annotated[Principal, Depends(access.require(Action.CHAT))],
        before: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
    ) -> PinsReply:
        """The message that was pinned last comes first. `next`, if there is one, is the next `before`."""
        user_id = None if principal.user is None else principal.user.id
        return await requester.request(endpoints.PINS, PinsRequest(room=room, user_id=user_id, before=before))

    return router


def reactions_router(requester: RequestClient, access: Authorizer, limits: Limits) -> APIRouter:
    """Build the routes of reactions, and those that pin a message."""
    path = "/chat/rooms/{room}/messages/{message_id}"
    router = APIRouter(prefix=path, tags=["chat"], dependencies=[BEARER])
    person = Depends(require_person(access, limits))
    responses = example_response(200, _STORED) | error_responses(*_CHANGE_ERRORS)

    async def react(who: RoomPerson, room: str, message_id: str, emoji: str, *, on: bool) -> SendReply:
        request = ReactRequest(
            user_id=who.user_id, client_id=uuid4().hex, room=room, id=message_id, emoji=emoji, on=on
        )
        return await requester.request(endpoints.REACT, request)

    async def pin(who: RoomPerson, room: str, message_id: str, *, on: bool) -> SendReply:
        request = PinRequest(user_id=who.user_id, client_id=uuid4().hex, room=room, id=message_id, on=on)
        return await requester.request(endpoints.PIN, request)

    @router.put("/reactions/{emoji}", summary="React to a message", responses=responses)
    async def add(
        room: RoomId, message_id: _MessageId, emoji: _EmojiPath, who: Annotated[RoomPerson, person]
    ) -> SendReply:
        """At most 20 different emoji on one message, and one of each per person."""
        return await react(who, room, message_id, emoji, on=True)

    @router.delete("/reactions/{emoji}", summary="Take a reaction back", responses=responses)
    async def take_back(
        room: RoomId, message_id: _MessageId, emoji: _EmojiPath, who: Annotated[RoomPerson, person]
    ) -> SendReply:
        """`duplicate`: it was not there."""
        return await react(who, room, message_id, emoji, on=False)

    @router.put("/pin", summary="Pin a message", responses=responses)
    async def pin_it(room: RoomId, message_id: _MessageId, who: Annotated[RoomPerson, person]) -> SendReply:
        """Everybody who may send to the room may; at most 50 messages."""
        return await pin(who, room, message_id, on=True)

    @router.delete("/pin", summary="Unpin a message", responses=responses)
    async def unpin(room: RoomId, message_id: _MessageId, who: Annotated[RoomPerson, person]) -> SendReply:
        """`duplicate`: it was not pinned."""
        return await pin(who, room, message_id, on=False)

    return router
