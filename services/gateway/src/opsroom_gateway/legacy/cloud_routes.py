"""The course contract's dashboard as an application mounted at ``/cloud``."""

from collections.abc import Callable
from functools import partial
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message
from starlette.websockets import WebSocket

from opsroom_contracts.chat.moderation import RestrictionFields
from opsroom_contracts.close_codes import Close
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.errors import HTTP_STATUS, ErrorCode, FaultError
from opsroom_contracts.identity import Action, anonymous_identity
from opsroom_contracts.legacy import CONNECTION_GREETING, CourseCloudError, CourseStatus
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.model import Model
from opsroom_gateway.auth.authorization import Principal
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.legacy.access import LegacyAccess
from opsroom_gateway.legacy.cloud import CourseCloud, action_in
from opsroom_gateway.legacy.express_routes import everything_else, express_route
from opsroom_gateway.legacy.http import BodyError, json_body
from opsroom_gateway.legacy.socket_throttle import SocketThrottle
from opsroom_gateway.middleware.client_address import Client, client_of
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_gateway.presence.restriction_enforcer import is_ban
from opsroom_gateway.transport.connection import ClientConnection
from opsroom_gateway.transport.encoding import text_frame
from opsroom_gateway.transport.event_stream import EventStream, EventStreamConnection
from opsroom_gateway.transport.websocket.connection import connection_of, one_by_one

_NOT_FOUND = "Instance not found"


class CourseCloudApp:
    """The dashboard's routes, socket and event stream."""

    def __init__(
        self, cloud: CourseCloud, limits: Limits, legacy_access: LegacyAccess, *, envelope: bool
    ) -> None:
        self._limits = limits
        self._legacy_access = legacy_access
        self._cloud = cloud
        self._envelope = envelope

    def asgi(self) -> ASGIApp:
        """Build the application to mount."""
        routes = [
            express_route("/sse", self.events, "GET"),
            express_route("/", self.list, "GET"),
            express_route("/", self.create, "POST"),
            express_route("/", self.remove, "DELETE"),
            express_route("/{instance_id}", self.remove, "DELETE"),
            express_route("/{instance_id}", self.change, "PATCH"),
            *everything_else(self.not_found, self.socket),
        ]
        return Starlette(routes=routes, exception_handlers={405: self.not_found})

    async def list(self, request: Request) -> Response:
        """Return all existing instances: a bare array, or the old server's envelope if that is configured."""
        try:
            await self._legacy_access.viewer(request)
        except FaultError as error:
            return _error(error)
        instances = self._cloud.list_json()
        body = b'{"data":%s}' % instances if self._envelope else instances
        return Response(body, media_type="application/json")

    async def create(self, request: Request) -> Response:
        """Accept a create; the body is ignored."""
        try:
            context = await self._legacy_access.require_commander(request, Command.CREATE, None)
            await self._cloud.create(uuid4().hex, context)
        except FaultError as error:
            return _error(error)
        return _json(CourseStatus(), 201)

    async def remove(self, request: Request) -> Response:
        """Accept a remove; the id is in the path or in the query."""
        instance_id = request.path_params.get("instance_id") or request.query_params.get("id", "")
        return await self._command(request, Command.REMOVE, instance_id)

    async def change(self, request: Request) -> Response:
        """Accept a start or a stop."""
        try:
            command = action_in(await json_body(request))
        except BodyError as error:
            return _json(CourseCloudError(message=str(error)), 400)
        return await self._command(request, command, request.path_params["instance_id"])

    async def events(self, request: Request) -> Response:
        """Return the stream of live events."""
        try:
            viewer = await self._legacy_access.viewer(request)
        except FaultError as error:
            return _error(error)
        return EventStream(partial(self._begin, request, viewer))

    async def socket(self, websocket: WebSocket) -> None:
        """Accept starts and stops over a socket; results are sent to every socket."""
        try:
            viewer = await self._legacy_access.viewer(websocket)
        except FaultError as error:
            if error.fault.code is ErrorCode.BANNED:  # pages see close codes, but not rejections
                await websocket.accept()
                connection_of(websocket).close(Close.BANNED.value)
            else:
                await websocket.send_denial_response(_error(error))
            return
        await websocket.accept()
        connection = connection_of(websocket)
        if not self._watch_restrictions(
            connection, client_of(websocket), viewer, partial(connection.close, Close.BANNED.value)
        ):
            return
        close = partial(connection.close, Close.TOKEN_INVALID.value)
        connection.write(text_frame(CONNECTION_GREETING.encode()))
        await self._subscribe(self._cloud.sockets, connection, websocket, viewer, close)
        throttle = SocketThrottle(self._limits.commands, client_of(websocket), connection)
        connection.serve_callback(one_by_one(partial(self._on_message, websocket, viewer, throttle)))

    async def not_found(self, request: Request, _error: Exception | None = None) -> Response:
        """Respond to all other paths and methods."""
        return _json(CourseCloudError(message=f"There is no {request.method} {request.url.path} here."), 404)

    async def _on_message(
        self, websocket: WebSocket, viewer: Principal | None, throttle: SocketThrottle, message: Message
    ) -> None:
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("text")
        network = client_of(websocket).network
        if await throttle.admits(anonymous_identity(network) if viewer is None else viewer.identity):
            context = self._legacy_access.socket_context(websocket, viewer)
            await self._cloud.receive(message["bytes"] if data is None else data, context)

    async def _command(self, request: Request, command: Command, instance_id: str) -> Response:
        try:
            context = await self._legacy_access.require_commander(request, command, instance_id)
            await self._cloud.command(command, instance_id, uuid4().hex, context)
        except FaultError as error:
            return _error(error)
        return _json(CourseStatus(), 200)

    async def _begin(
        self, request: Request, viewer: Principal | None, connection: EventStreamConnection
    ) -> None:
        if self._watch_restrictions(connection, client_of(request), viewer, connection.end):
            await self._subscribe(self._cloud.streams, connection, request, viewer, connection.end)

    def _watch_restrictions(
        self,
        connection: ClientConnection,
        client: Client,
        viewer: Principal | None,
        close: Callable[[], None],
    ) -> bool:
        """Close ``connection`` when its client is banned. Returns False, and closes it, if it already is."""

        def on_restriction(restriction: RestrictionFields) -> None:
            if is_ban(restriction):
                close()

        try:
            name, identity = (None, None) if viewer is None else (viewer.name, viewer.identity)
            self._legacy_access.access.enforcer.watch(connection, client, name, on_restriction, identity)
        except FaultError:
            close()
            return False
        return True

    async def _subscribe(
        self,
        broadcaster: Broadcaster,
        connection: ClientConnection,
        request: HTTPConnection,
        viewer: Principal | None,
        close: Callable[[], None],
    ) -> None:
        """Subscribe ``connection`` to ``broadcaster`` until it closes or ``viewer`` loses the permission."""

        def unsubscribe() -> None:
            broadcaster.unsubscribe(connection)
            self._legacy_access.revocations.unwatch(connection)

        if viewer is not None:
            self._legacy_access.revocations.watch(connection, viewer, Action.SEE_SERVERS, close)
        connection.on_close(unsubscribe)
        if viewer is not None:
            await self._legacy_access.revocations.recheck(connection, request)
        if connection.open:
            broadcaster.subscribe(connection)


def _error(error: FaultError) -> Response:
    fault = error.fault
    message = _NOT_FOUND if fault.code is ErrorCode.INSTANCE_NOT_FOUND else fault.message
    return _json(CourseCloudError(message=message), HTTP_STATUS[fault.code])


def _json(model: Model, status: int) -> Response:
    return Response(encode(model), status, media_type="application/json")
