"""The course contract's chat as an application mounted at ``/chat``."""

import asyncio
from dataclasses import replace
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from opsroom_contracts.chat.moderation import RestrictionFields
from opsroom_contracts.close_codes import Close
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.identity import anonymous_identity
from opsroom_contracts.legacy import CourseChatError, CourseRegistered, LegacyUser
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.model import Model
from opsroom_gateway.legacy.chat import CourseChat
from opsroom_gateway.legacy.chat_sockets import OnName
from opsroom_gateway.legacy.express_routes import everything_else, express_route
from opsroom_gateway.legacy.http import BodyError, json_body, origin_of
from opsroom_gateway.legacy.socket_throttle import SocketThrottle
from opsroom_gateway.middleware.client_address import Client, client_of
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_gateway.presence.restriction_enforcer import RestrictionEnforcer, is_ban
from opsroom_gateway.transport.websocket.connection import WebSocketConnection, connection_of
from opsroom_gateway.transport.websocket.receive_queue import Event

_IDLE = replace(Close.GOING_AWAY.value, reason="idle")
_TAKEN = "This name is already taken!"
_STATUS = {
    ErrorCode.NAME_TAKEN: 409,
    ErrorCode.BANNED: 403,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.OVERLOADED: 503,
}


def course_chat_app(
    chat: CourseChat, limits: Limits, enforcer: RestrictionEnforcer, *, idle_seconds: float
) -> ASGIApp:
    """Build the application. An unbound socket is closed after ``idle_seconds`` of silence."""

    async def new_user(request: Request) -> Response:
        try:
            enforcer.check(client_of(request))
            body = await json_body(request)
            name = _name_in(body)
            limits.count_registration(request)
            user = await chat.register(name, origin_of(request))
        except BodyError as error:
            return _json(CourseChatError(message=str(error)), 400)
        except FaultError as error:
            code = error.fault.code
            message = _TAKEN if code is ErrorCode.NAME_TAKEN else error.fault.message
            return _json(CourseChatError(message=message), _STATUS.get(code, 400))
        return _json(CourseRegistered(user=LegacyUser(id=user.id, name=user.name)), 200)

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        client = client_of(websocket)
        max_idle = None if client.exempt or not idle_seconds else idle_seconds
        connection = connection_of(websocket)

        def on_restriction(restriction: RestrictionFields) -> None:
            if is_ban(restriction):
                connection.close(Close.BANNED.value)

        try:
            enforcer.watch(connection, client, None, on_restriction)
        except FaultError:
            connection.close(Close.BANNED.value)
            return
        handler = _Connection(chat, limits, client, connection)
        handler.open(origin_of(websocket), max_idle, partial(enforcer.set_name, connection))
        connection.serve_callback(handler.on_messages)

    async def not_found(request: Request, _error: Exception | None = None) -> Response:
        message = f"There is no {request.method} {request.url.path} here: register with POST /new-user."
        return _json(CourseChatError(message=message), 404)

    return Starlette(
        routes=[express_route("/new-user", new_user, "POST"), *everything_else(not_found, socket)],
        exception_handlers={405: not_found},
    )


class _Connection:
    """A socket, served by callbacks."""

    __slots__ = (
        "_chat",
        "_connection",
        "_identity",
        "_idle_timer",
        "_last_message_at",
        "_socket",
        "_throttle",
    )

    def __init__(
        self, chat: CourseChat, limits: Limits, client: Client, connection: WebSocketConnection
    ) -> None:
        self._chat = chat
        self._throttle = SocketThrottle(limits.messages, client, connection)
        self._identity = anonymous_identity(client.network)
        self._connection = connection
        self._last_message_at = 0.0
        self._idle_timer: asyncio.TimerHandle | None = None

    def open(self, origin: str, max_idle: float | None, on_name: OnName) -> None:
        """Open the socket. While it is unbound it is closed after ``max_idle`` seconds of silence."""
        self._socket = self._chat.open(origin, self._connection, on_name)
        if max_idle is not None:
            self._start_idle_timer(max_idle, max_idle)

    async def on_messages(self, messages: list[Event]) -> None:
        """Handle messages, and the disconnect."""
        flush = partial(self._chat.flush, self._socket)
        for message in messages:
            if message["type"] == "websocket.disconnect":
                if self._idle_timer is not None:
                    self._idle_timer.cancel()
                await self._chat.close(self._socket)
                return
            data = message.get("text")
            self._last_message_at = asyncio.get_running_loop().time()
            if await self._throttle.admits(self._identity, flush):
                await self._chat.receive(self._socket, message["bytes"] if data is None else data)
        await flush()

    def _start_idle_timer(self, max_idle: float, wait: float) -> None:
        self._idle_timer = asyncio.get_running_loop().call_later(wait, self._check_idle, max_idle)

    def _check_idle(self, max_idle: float) -> None:
        left = self._last_message_at + max_idle - asyncio.get_running_loop().time()
        if left <= 0 and self._chat.is_unbound(self._socket):
            self._connection.close(_IDLE)
        else:
            self._start_idle_timer(max_idle, left if left > 0 else max_idle)


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
