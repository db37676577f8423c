"""The course contract's chat as an application mounted at ``/chat``."""

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message
from starlette.websockets import WebSocket

from opsroom_contracts.codec import encode
from opsroom_contracts.course import CourseChatError, CourseRegistered, CourseUser
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.model import Model
from opsroom_gateway.course.chat import CourseChat
from opsroom_gateway.course.http import BodyError, json_body, origin_of
from opsroom_gateway.edge.callers import caller_of
from opsroom_gateway.edge.limits import Limits
from opsroom_gateway.ws_protocol import outlet_of

_TAKEN = "This name is already taken!"
_GOING_AWAY = 1001
_STATUS = {
    ErrorCode.NAME_TAKEN: 409,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.OVERLOADED: 503,
}


def course_chat_app(chat: CourseChat, limits: Limits, *, idle_seconds: float) -> ASGIApp:
    """The mounted application. A socket that is nobody's is closed after ``idle_seconds`` of silence."""

    async def new_user(request: Request) -> Response:
        try:
            body = await json_body(request)
            name = _name_in(body)
            limits.register(request)
            user = await chat.register(name, origin_of(request))
        except BodyError as error:
            return _json(CourseChatError(message=str(error)), 400)
        except FaultError as error:
            code = error.fault.code
            message = _TAKEN if code is ErrorCode.NAME_TAKEN else error.fault.message
            return _json(CourseChatError(message=message), _STATUS.get(code, 400))
        return _json(CourseRegistered(user=CourseUser(id=user.id, name=user.name)), 200)

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await _serve(chat, limits, websocket, idle_seconds)

    async def nothing_here(request: Request) -> Response:
        words = f"There is no {request.method} {request.url.path} here: register with POST /new-user."
        return _json(CourseChatError(message=words), 404)

    routes = [
        Route("/new-user", new_user, methods=["POST"]),
        Route("/{path:path}", nothing_here, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        WebSocketRoute("/{path:path}", socket),
    ]
    return Starlette(routes=routes)


async def _serve(chat: CourseChat, limits: Limits, websocket: WebSocket, idle_seconds: float) -> None:
    caller = caller_of(websocket)
    patience = None if caller.exempt or not idle_seconds else idle_seconds
    socket = chat.open(origin_of(websocket), outlet_of(websocket))
    try:
        while True:
            message = await _received(websocket, patience)
            if message is None:
                if chat.is_nobodys(socket):
                    await websocket.close(_GOING_AWAY, "idle")
                    return
                continue
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("text")
            await limits.pace_course(limits.messages, caller)
            await chat.receive(socket, message["bytes"] if data is None else data)
    finally:
        await chat.close(socket)


async def _received(websocket: WebSocket, patience: float | None) -> Message | None:
    """The next message; None after ``patience`` seconds without one."""
    try:
        async with asyncio.timeout(patience):
            return await websocket.receive()
    except TimeoutError:
        return None


def _name_in(body: object) -> str:
    name = body.get("name") if isinstance(body, dict) else None
    if not isinstance(name, str):
        raise BodyError('The body must be a JSON object with a text "name".')
    if len(name) > 256:
        raise BodyError("The name is too long, the limit is 32 characters.")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BodyError("The name must not contain broken characters.") from None
    return name


def _json(model: Model, status: int) -> Response:
    return Response(encode(model), status, media_type="application/json")
