"""What both mounts have in common: bare paths, the old servers' CORS, and errors in their formats."""

import math
from collections.abc import Callable
from functools import partial

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsroom_contracts.errors import HTTP_STATUS, ErrorCode, Fault
from opsroom_contracts.legacy import CourseChatError, CourseCloudError
from opsroom_contracts.serialization.codec import encode
from opsroom_gateway.middleware.error_response import ErrorFormatMiddleware
from opsroom_gateway.middleware.request_checks import RequestChecks

_METHODS = "GET, POST, PATCH, DELETE, OPTIONS"

ErrorModel = Callable[[str], CourseChatError | CourseCloudError]
"""Returns the error of one of the servers, with a message."""


def mounted(app: ASGIApp, checks: RequestChecks, error: ErrorModel) -> ASGIApp:
    """Return ``app`` with everything that its mount needs; ``error`` makes the bodies of rejections."""
    with_cors = CourseCorsMiddleware(checks.protect(app), checks.origins)
    return ErrorFormatMiddleware(TrailingSlashMiddleware(with_cors), partial(_error_response, error))


def chat_error(message: str) -> CourseChatError:
    """Return an error of the chat."""
    return CourseChatError(message=message)


def cloud_error(message: str) -> CourseCloudError:
    """Return an error of the dashboard."""
    return CourseCloudError(message=message)


def _error_response(error: ErrorModel, fault: Fault) -> Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(math.ceil(fault.retry_after))}
    # Course clients know no other status for an invalid request.
    invalid = fault.code in {ErrorCode.INVALID_REQUEST, ErrorCode.PAYLOAD_TOO_LARGE}
    status = 400 if invalid else HTTP_STATUS[fault.code]
    return Response(encode(error(fault.message)), status, headers, "application/json")


class CourseCorsMiddleware:
    """Responds to preflights with 204 and the requested headers; lets allowed origins read all responses."""

    def __init__(self, app: ASGIApp, allowed_origins: tuple[str, ...]) -> None:
        self._app = app
        self._allowed = frozenset(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a preflight, or call the application and add CORS headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        cors = self._cors(headers.get("origin"))
        if scope["method"] == "OPTIONS":
            asked = headers.get("access-control-request-headers")
            if asked is not None:
                cors["Access-Control-Allow-Headers"] = asked
            cors["Access-Control-Allow-Methods"] = _METHODS
            await Response(status_code=204, headers=cors)(scope, receive, send)
            return

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(cors)
            await send(message)

        await self._app(scope, receive, send_with_cors)

    def _cors(self, origin: str | None) -> dict[str, str]:
        if "*" in self._allowed:
            return {"Access-Control-Allow-Origin": "*"}
        if origin in self._allowed and origin is not None:
            return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        return {"Vary": "Origin"}


class TrailingSlashMiddleware:
    """Adds the trailing slash to the bare mount path: clients call ``/chat`` as well as ``/chat/``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the path if necessary, and call the application."""
        if scope["path"] == scope["root_path"]:
            path = scope["path"] + "/"
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)
