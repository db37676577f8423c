"""The route that imports rooms and messages of another chat, for admins."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Query, Request

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.chat.files import Digest, File
from opsroom_contracts.chat.imported_files import FilePlace, ImportedFile, imported_file_id, importer_of
from opsroom_contracts.chat.imports import ImportReply, ImportRequest, SourceId, SourceName
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http_imports import NewImports
from opsroom_contracts.identity import Action
from opsroom_contracts.serialization.model import copy_fields
from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.api.files import BINARY, FILE_EXAMPLE, body_of, declared_type_of
from opsroom_gateway.api.moderation import AUTH_ERRORS, Moderator, require_moderator
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.files.uploads import Importing, NewFile, Uploads
from opsroom_messaging.client.request_client import RequestClient

_EXAMPLE: Final = {
    "source": "slack.t0123",
    "records": [
        {"type": "room", "id": "C1", "kind": "public", "name": "deploys"},
        {
            "type": "message",
            "room": "C1",
            "id": "1512085950.000216",
            "person": {"id": "U1", "name": "ann"},
            "text": "1.4.0 is out",
            "timestamp": "2017-11-30T23:52:30.000Z",
        },
    ],
}


def imports_router(
    requester: RequestClient, access: Authorizer, audit_log: GatewayAuditLog, uploads: Uploads
) -> APIRouter:
    """Build the routes of imports."""
    router = APIRouter(prefix="/chat", tags=["admin"], dependencies=[BEARER])
    importer = require_moderator(access, audit_log, AuditedAction.IMPORT, needed=Action.MANAGE_PEOPLE)

    @router.post(
        "/imports",
        summary="Import rooms and messages",
        responses=example_response(200, {"rooms": 1, "members": 0, "messages": 1, "pins": 0})
        | error_responses(
            ErrorCode.ROOM_UNKNOWN, ErrorCode.USER_UNKNOWN, ErrorCode.FILE_UNKNOWN, *AUTH_ERRORS
        ),
        response_model_exclude_none=True,
    )
    async def store(
        moderator: Annotated[Moderator, Depends(importer)],
        body: Annotated[NewImports, Body(examples=[_EXAMPLE])],
    ) -> ImportReply:
        """Stores up to 64 records in their order: rooms before their members and messages, and messages
        before their pins. If files of a message are `missing`, neither it nor what is behind it is stored:
        upload them, and repeat the request.

        What was imported from this source before stays as it is, so that an import can be repeated, also
        after an interruption. Messages keep their original times and are marked as imported. `owner` is the
        user who owns the imported rooms.
        """
        return await requester.request(endpoints.IMPORT, copy_fields(body, ImportRequest, by=moderator.by))

    _add_files(router, importer, uploads)
    return router


def _imported_file(
    source: Annotated[SourceName, Query(examples=["slack.t0123"])],
    room: Annotated[SourceId, Query(examples=["C1"])],
    message: Annotated[SourceId, Query(examples=["1512085950.000216"])],
    digest: Annotated[Digest, Query(examples=["0" * 64])],
    place: Annotated[FilePlace, Query()] = 0,
) -> ImportedFile:
    return ImportedFile(source=source, room=room, message=message, place=place, digest=digest)


def _add_files(
    router: APIRouter, importer: Callable[[Request], Awaitable[Moderator]], uploads: Uploads
) -> None:
    @router.post(
        "/imports/files",
        status_code=201,
        summary="Upload a file of a message to import",
        responses=example_response(201, FILE_EXAMPLE)
        | error_responses(
            ErrorCode.ROOM_UNKNOWN,
            ErrorCode.FILE_UNKNOWN,
            ErrorCode.PAYLOAD_TOO_LARGE,
            ErrorCode.REQUEST_TIMEOUT,
            ErrorCode.STORAGE_FULL,
            ErrorCode.IDEMPOTENCY_MISMATCH,
            ErrorCode.RATE_LIMITED,
            *AUTH_ERRORS,
        ),
        response_model_exclude_none=True,
        openapi_extra={"requestBody": {"required": True, "content": BINARY}},
    )
    async def upload(
        request: Request,
        moderator: Annotated[Moderator, Depends(importer)],
        file: Annotated[ImportedFile, Depends(_imported_file)],
        name: Annotated[str, Query(min_length=1, max_length=1024, examples=["disk usage.png"])],
    ) -> File:
        """The body is the file itself. `source`, `room` and `message` are those of the message's record,
        which comes after it, within an hour, and names the `digest` at this `place`: the SHA-256 of the
        content, in hexadecimal digits. A repeated upload changes nothing.
        """
        _, body = await body_of(request, uploads)
        owner = importer_of(moderator.by)
        new = NewFile(
            user_id=owner,
            id=imported_file_id(owner, file),
            room=file.room,
            name=name,
            declared_type=declared_type_of(request),
            imported=Importing(file, moderator.by),
        )
        return await uploads.receive(new, body)
