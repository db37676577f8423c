"""The ASGI side of a WebSocket: the endpoint's task, its messages, and the callback that replaces it."""

import asyncio
import logging
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Scope

from opsroom_contracts.close_codes import CloseCode, Retry
from opsroom_gateway.transport.flow_control import FlowControl
from opsroom_gateway.transport.input_budget import REQUEST_SECONDS, metered
from opsroom_gateway.transport.websocket.connection import Handler
from opsroom_gateway.transport.websocket.handshake import Handshake, RawHeaders
from opsroom_gateway.transport.websocket.receive_queue import Event, ReceiveQueue

ABNORMAL = 1006
"""The close code for an endpoint whose socket ended without a close frame."""

_MESSAGE_SECONDS = 0.0001
"""What handling a message takes."""

log = logging.getLogger("uvicorn.error")


class ClientDisconnectedError(OSError):
    """Raised by ``send`` if the peer is gone."""


class EndpointSocket(Protocol):
    """The socket of an endpoint."""

    flow: FlowControl
    close_sent: bool

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """The tasks that the server waits for when it stops."""

    @property
    def default_headers(self) -> RawHeaders:
        """The headers of every response."""

    @property
    def closing(self) -> bool:
        """Whether nothing can be sent any more."""

    def opened(self) -> None:
        """The handshake was accepted."""

    def end_opening(self) -> None:
        """The socket is set up: it needs no endpoint any more."""

    def send_data(self, message: Message) -> None:
        """Send a message."""

    def flush(self) -> None:
        """Write what the handshake has queued."""

    def close_with(self, code: CloseCode) -> None:
        """Start the closing handshake."""

    def endpoint_ended(self) -> None:
        """The endpoint receives nothing more."""

    def close_unless_waiting(self) -> None:
        """Close the connection, unless the peer may still reply to a close frame."""

    def close(self) -> None:
        """Close the connection."""


class Endpoint:
    """Runs an application for a socket, and then a callback."""

    __slots__ = ("_dispatching", "_gone", "_handler", "_socket", "handshake", "queue", "serving")

    def __init__(self, socket: EndpointSocket) -> None:
        self._socket = socket
        self.queue = ReceiveQueue()
        self.handshake: Handshake | None = None
        """The handshake, until the application has accepted or rejected it."""
        self.serving = False
        """Whether the application, or the callback that replaces it, takes what is received."""
        self._gone = False
        self._handler: Handler | None = None
        self._dispatching = False

    def start(self, app: ASGIApp, handshake: Handshake, scope: Scope) -> None:
        """Start the application."""
        self.handshake = handshake
        self.serving = True
        self.queue.put_nowait({"type": "websocket.connect"})
        self._start_task(self._run(app, scope), REQUEST_SECONDS)

    def put(self, event: Event) -> None:
        """Pass on a message. While many wait, no more is read."""
        self.queue.put_nowait(event)
        self._socket.flow.message_waits(is_last=self.queue.full)

    def put_disconnect(self, code: int, reason: str = "") -> None:
        """Pass on the end of the socket."""
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    def fail_handshake(self) -> None:
        """Send a 500 if the application has not responded."""
        handshake, self.handshake = self.handshake, None
        if handshake is not None:
            self._gone = True
            if not handshake.rejecting:
                status = HTTPStatus.INTERNAL_SERVER_ERROR
                handshake.reject(status, status.phrase)
                self._socket.flush()

    def lost(self, code: int) -> None:
        """End with the connection."""
        self._gone = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code})

    def serve_callback(self, handler: Handler) -> None:
        """Pass messages to ``handler`` from now on."""
        self._socket.end_opening()
        self._handler = handler
        self.queue.on_item = self._dispatch_soon
        if not self.queue.empty():
            self._dispatch_soon()

    async def receive(self) -> Event:
        """Wait for the next message."""
        message = await self.queue.get()
        if self.queue.empty():
            self._socket.flow.resume_reading()
        return message

    async def send(self, message: Message) -> None:
        """Send what the application sends, as soon as the peer has read enough of what precedes it.

        Raises:
            ClientDisconnectedError: the peer is gone.
            RuntimeError: the message must not be sent now.
        """
        await self._socket.flow.writable()
        if self._gone:
            raise ClientDisconnectedError
        kind = message["type"]
        if self.handshake is not None:
            self._respond(self.handshake, message)
        elif self._socket.close_sent:
            raise RuntimeError(f"ASGI message '{kind}' sent after the end")
        elif kind == "websocket.send":
            try:
                self._socket.send_data(message)
            except ConnectionError:
                raise ClientDisconnectedError from None
        elif kind == "websocket.close":
            reason = message.get("reason") or ""
            self._socket.close_with(CloseCode(message.get("code", 1000), reason, Retry.NEVER))
        else:
            raise RuntimeError(f"ASGI message '{kind}' sent after the handshake")

    def _respond(self, handshake: Handshake, message: Message) -> None:
        match message["type"], handshake.rejecting:
            case "websocket.accept", False:
                if self._socket.closing:  # `lost` is about to be called
                    raise ClientDisconnectedError
                handshake.accept(message, self._socket.default_headers)
                self.handshake = None
                self._socket.flush()
                self._socket.opened()
            case "websocket.close", False:
                handshake.reject(HTTPStatus.FORBIDDEN)
                self._end_rejected()
            case "websocket.http.response.start", False:
                handshake.start_response(message)
            case "websocket.http.response.body", True:
                if handshake.add_body(message):
                    self._end_rejected()
            case kind, _:
                raise RuntimeError(f"ASGI message '{kind}' sent during the handshake")

    def _end_rejected(self) -> None:
        self.handshake = None
        self._socket.close_sent = True
        self.put_disconnect(ABNORMAL)
        self._socket.flush()
        self._socket.close()

    async def _run(self, app: ASGIApp, scope: Scope) -> None:
        """Serve the socket. A socket that is served by a callback outlives the application's task."""
        try:
            await app(scope, self.receive, self.send)
            if self.handshake is not None:
                log.error("the endpoint neither accepted nor rejected a WebSocket")
                self.fail_handshake()
        except ClientDisconnectedError:
            pass
        except Exception:  # boundary: an error in one socket's endpoint closes only that socket
            log.exception("Exception in ASGI application\n")
            self.fail_handshake()
            self._socket.close()
        finally:
            if self._handler is None:
                self._end()
                self._socket.close_unless_waiting()

    def _end(self) -> None:
        self.serving = False
        self._socket.endpoint_ended()

    def _start_task(self, work: Coroutine[Any, Any, None], expected_seconds: float = 0.0) -> None:
        metering = metered(work, self._socket.flow.account, expected_seconds)
        task = asyncio.get_running_loop().create_task(metering)
        self._socket.tasks.add(task)
        task.add_done_callback(self._socket.tasks.discard)

    def _dispatch_soon(self) -> None:
        if not self._dispatching:
            self._dispatching = True
            self._start_task(self._dispatch_loop())

    async def _dispatch_loop(self) -> None:
        """Handle queued messages until none is left; the next message starts a new task.

        Those of one socket can be many milliseconds of work, so the sockets of an address take turns.
        """
        try:
            while self._handler is not None and not self.queue.empty():
                account = self._socket.flow.account
                if account.limited:
                    await account.turn(len(self.queue) * _MESSAGE_SECONDS)
                events, handler = _up_to_disconnect(self.queue.take()), self._handler
                self._socket.flow.resume_reading()
                if _is_disconnect(events[-1]):
                    self._handler = self.queue.on_item = None
                await handler(events)
        except Exception:  # boundary: as in _run
            log.exception("the handler of a WebSocket message failed")
            self._socket.close()
        finally:
            self._dispatching = False
            if self._handler is None:
                self._end()
        # There may be more after an error. Not after a cancellation: the server stops.
        if self._handler is not None and not self.queue.empty():
            self._dispatch_soon()


def _is_disconnect(event: Event) -> bool:
    return bool(event["type"] == "websocket.disconnect")


def _up_to_disconnect(events: list[Event]) -> list[Event]:
    """Return the events up to the first disconnect; nothing counts after it."""
    ends = [place for place, event in enumerate(events) if _is_disconnect(event)]
    return events[: ends[0] + 1] if ends else events
