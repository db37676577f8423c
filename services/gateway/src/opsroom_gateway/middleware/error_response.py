"""Error responses from middleware, in the format of the API that the request is for."""

import math
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from opsroom_contracts.codec import encode
from opsroom_contracts.errors import HTTP_STATUS, ErrorCode, Fault
from opsroom_contracts.legacy import CourseChatError, CourseCloudError
from opsroom_gateway.api.problem_details import problem_response

COURSE_CHAT: Final = "/chat"
COURSE_CLOUD: Final = "/cloud"
COURSE_MOUNTS: Final = (COURSE_CHAT, COURSE_CLOUD)
"""The mounts of the course contract."""


def course_mount_of(scope: Scope) -> str | None:
    """Return the course contract's mount that a request is for; None if it is for another API."""
    path = scope["path"]
    return next((mount for mount in COURSE_MOUNTS if path == mount or path.startswith(mount + "/")), None)


def error_response(scope: Scope, fault: Fault) -> Response:
    """Return ``fault`` in the error format of the API that was called."""
    mount = course_mount_of(scope)
    if mount is None:
        return problem_response(fault)
    error = CourseChatError if mount == COURSE_CHAT else CourseCloudError
    headers = {} if fault.retry_after is None else {"Retry-After": str(math.ceil(fault.retry_after))}
    legacy_status = fault.code in {ErrorCode.INVALID_REQUEST, ErrorCode.PAYLOAD_TOO_LARGE}
    status = 400 if legacy_status else HTTP_STATUS[fault.code]
    return Response(encode(error(message=fault.message)), status, headers, "application/json")


async def reject(scope: Scope, receive: Receive, send: Send, fault: Fault) -> None:
    """Respond with ``fault``; a WebSocket handshake is rejected."""
    response = error_response(scope, fault)
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await response(Request(scope).scope, receive, send)
