"""The course contract's chat as an application mounted at ``/chat``."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from opsroom_contracts.codec import encode
from opsroom_contracts.course import CourseChatError, CourseRegistered, CourseUser
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.model import Model
from opsroom_gateway.course.chat import CourseChat
from opsroom_gateway.course.http import BodyError, CourseCors, json_body, origin_of
from opsroom_gateway.ws_protocol import outlet_of

_TAKEN = "This name is already taken!"
_STATUS = {ErrorCode.NAME_TAKEN: 409, ErrorCode.UNAVAILABLE: 503, ErrorCode.OVERLOADED: 503}


def course_chat_app(chat: CourseChat, allowed_origins: tuple[str, ...]) -> ASGIApp:
    """The mounted application."""

    async def new_user(request: Request) -> Response:
        try:
            body = await json_body(request)
            user = await chat.register(_name_in(body), origin_of(request))
        except BodyError as error:
            return _json(CourseChatError(message=str(error)), 400)
        except FaultError as error:
            code = error.fault.code
            message = _TAKEN if code is ErrorCode.NAME_TAKEN else error.fault.message
            return _json(CourseChatError(message=message), _STATUS.get(code, 400))
        return _json(CourseRegistered(user=CourseUser(id=user.id, name=user.name)), 200)

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        course_socket = chat.open(origin_of(websocket), outlet_of(websocket))
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                data = message.get("text")
                await chat.receive(course_socket, message["bytes"] if data is None else data)
        finally:
            await chat.close(course_socket)

    async def nothing_here(request: Request) -> Response:
        words = f"There is no {request.method} {request.url.path} here: register with POST /new-user."
        return _json(CourseChatError(message=words), 404)

    routes = [
        Route("/new-user", new_user, methods=["POST"]),
        Route("/{path:path}", nothing_here, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        WebSocketRoute("/{path:path}", socket),
    ]
    return CourseCors(Starlette(routes=routes), allowed_origins)


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
