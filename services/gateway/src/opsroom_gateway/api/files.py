"""Routes of files: upload and download."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from starlette.responses import Response

from opsroom_contracts import endpoints
from opsroom_contracts.audit import Requester
from opsroom_contracts.chat.files import File, FileRequest
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import Action
from opsroom_gateway.api.idempotency import IdempotencyKey, request_id_of
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer, Principal
from opsroom_gateway.files.downloads import Downloads, RequestHeaders
from opsroom_gateway.files.limits import UploadLimits
from opsroom_gateway.files.uploads import NewFile, Uploads
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_messaging.client.request_client import RequestClient

_AUTH_ERRORS = (ErrorCode.TOKEN_INVALID, ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN, ErrorCode.BANNED)
_MEBIBYTE = 1024**2
FILE_EXAMPLE = {
    "id": "0d6f2c2d5f3b4d0a9d6f8f3c2b1a0e9d",
    "name": "disk usage.png",
    "type": "image/png",
    "size": 48213,
    "width": 1280,
    "height": 720,
}
BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_DOWNLOADED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": BINARY},
    206: {"description": "The part that was asked for", "content": BINARY},
    304: {"description": "The file is the one that the client has"},
    416: {"description": "The file has no such part"},
}


def files_router(
    requester: RequestClient, access: Authorizer, limits: Limits, uploads: Uploads, downloads: Downloads
) -> APIRouter:
    """Build the routes of files."""
    router = APIRouter(prefix="/chat", tags=["chat"], dependencies=[BEARER])

    @router.post(
        "/files",
        status_code=201,
        summary="Upload a file",
        responses=example_response(201, FILE_EXAMPLE)
        | error_responses(
            ErrorCode.ROOM_UNKNOWN,
            ErrorCode.FILE_UNKNOWN,
            ErrorCode.PAYLOAD_TOO_LARGE,
            ErrorCode.REQUEST_TIMEOUT,
            ErrorCode.STORAGE_FULL,
            ErrorCode.MUTED,
            ErrorCode.USER_UNKNOWN,
            ErrorCode.IDEMPOTENCY_MISMATCH,
            ErrorCode.RATE_LIMITED,
            ErrorCode.UNAVAILABLE,
            *_AUTH_ERRORS,
        ),
        response_model_exclude_none=True,
        openapi_extra={"requestBody": {"required": True, "content": BINARY}},
    )
    async def upload(
        request: Request,
        principal: Annotated[Principal, Depends(access.require(Action.CHAT))],
        room: Annotated[str, Query(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", examples=["general"])],
        name: Annotated[str, Query(min_length=1, max_length=1024, examples=["disk usage.png"])],
        key: IdempotencyKey = None,
    ) -> File:
        """The body is the file itself, of 10 MiB at most by default.

        Only you see the file until you send a message with its `id` in `files` to the same room. A file that
        no message refers to is deleted after an hour. With an idempotency key, an upload that was
        interrupted can be repeated, and gets the same id.
        """
        if principal.user is None:
            raise refuse(ErrorCode.FORBIDDEN, "register a name first: files have owners")
        size, body = await body_of(request, uploads)
        client = client_of(request)
        limits.count_message(client, principal.identity)
        limits.count_upload(client, principal.identity, -(-size // _MEBIBYTE))
        by = Requester(name=principal.name, identity=principal.identity)
        new = NewFile(
            user_id=principal.user.id,
            id=request_id_of(key, by, "upload"),
            room=room,
            name=name,
            declared_type=declared_type_of(request),
        )
        return await uploads.receive(new, body)

    @router.get(
        "/files/{file_id}",
        summary="Download a file",
        response_class=Response,
        responses=_DOWNLOADED
        | error_responses(
            ErrorCode.FILE_UNKNOWN,
            ErrorCode.UNAVAILABLE,
            *_AUTH_ERRORS,
        ),
    )
    async def download(
        request: Request,
        principal: Annotated[Principal, Depends(access.require(Action.CHAT))],
        file_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")],
        wanted: Annotated[str | None, Header(alias="Range", max_length=200)] = None,
        if_range: Annotated[str | None, Header(alias="If-Range", max_length=200)] = None,
        if_none_match: Annotated[str | None, Header(alias="If-None-Match", max_length=1000)] = None,
    ) -> Response:
        """PNG, JPEG, WebP and GIF images are shown in place; everything else is to be saved.

        Whether you may read the file is checked each time: its uploader may until a message refers to it, and
        then who may read the room.
        """
        user_id = None if principal.user is None else principal.user.id
        found = await requester.request(endpoints.FILE, FileRequest(id=file_id, user_id=user_id))
        headers = RequestHeaders(none_match=if_none_match, wanted=wanted, if_range=if_range)
        return downloads.response(found, request.scope, headers)

    return router


def declared_type_of(request: Request) -> str:
    """Return the type that a client gives to what it uploads, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def body_of(request: Request, uploads: Uploads) -> tuple[int, AsyncIterator[bytes]]:
    """Return how long the body of an upload is, the limit if it does not say so, and its pieces.

    Raises:
        FaultError: ``payload_too_large``.
    """
    declared = request.headers.get("content-length", "")
    size = int(declared[:19]) if declared.isascii() and declared.isdigit() else uploads.limits.size
    body = _body(request, uploads.limits)
    if size > uploads.limits.size:
        if "expect" in request.headers:
            raise uploads.too_large()  # the client has not begun to send it
        await uploads.refuse_rest(body)
    return size, body


async def _body(request: Request, limits: UploadLimits) -> AsyncIterator[bytes]:
    """Iterate over the pieces of a body, which is read only as fast as they are taken.

    Raises:
        FaultError: ``request_timeout``: a piece, or the whole, took too long, or the client is gone.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + limits.seconds
    while True:
        left = min(limits.idle_seconds, end - loop.time())
        try:
            async with asyncio.timeout(left):
                message = await request.receive()
        except TimeoutError:
            detail = f"nothing of the file arrived for {left:.0f} s, or it took {limits.seconds:g} s"
            raise refuse(ErrorCode.REQUEST_TIMEOUT, detail) from None
        if message["type"] == "http.disconnect":
            raise refuse(ErrorCode.REQUEST_TIMEOUT, "the client has closed the connection")
        if body := message.get("body", b""):
            yield body
        if not message.get("more_body", False):
            return
