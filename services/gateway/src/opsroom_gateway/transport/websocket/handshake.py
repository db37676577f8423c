"""The opening handshake of a WebSocket: from the HTTP request to the response of the application."""

from asyncio.transports import Transport
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from starlette.types import Message, Scope
from uvicorn.config import Config
from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from opsroom_gateway.transport.addresses import client_address, is_tls, server_address
from opsroom_gateway.transport.connection import CONNECTION_EXTENSION, ClientConnection
from opsroom_gateway.transport.encoding import DEFLATE_WINDOW_BITS
from opsroom_gateway.transport.http.responses import reason_phrase

RawHeaders = list[tuple[bytes, bytes]]

DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,  # one compressed frame must serve every reader
    client_no_context_takeover=True,  # no decompression state per client between messages
    server_max_window_bits=DEFLATE_WINDOW_BITS,
)
_FULL_WINDOW = f"server_max_window_bits={DEFLATE_WINDOW_BITS}"


class Handshake:
    """A handshake. Its methods queue the response in ``core``, the sans-I/O protocol of websockets."""

    __slots__ = ("_body", "_core", "_request", "_response", "_status")

    def __init__(self, core: ServerProtocol, request: Request) -> None:
        self._core = core
        self._request = request
        self._response = core.accept(request)
        self._status: tuple[int, Headers] | None = None
        """The status and headers of a response in progress that rejects the handshake."""
        self._body = b""

    @property
    def valid(self) -> bool:
        """Whether the request is valid. If not, send the response of ``refuse``."""
        return self._response.status_code == HTTPStatus.SWITCHING_PROTOCOLS

    @property
    def rejecting(self) -> bool:
        """Whether the application has started another response than accepting."""
        return self._status is not None

    @property
    def deflate(self) -> bool:
        """Whether frames may be compressed with the full window.

        A client with a smaller window gets uncompressed frames, which are always valid.
        """
        return _FULL_WINDOW in self._response.headers.get("Sec-WebSocket-Extensions", "")

    def refuse(self) -> None:
        """Send the response to an invalid request."""
        self._core.send_response(self._response)

    def accept(self, message: Message, default_headers: RawHeaders) -> None:
        """Accept, with the headers and the subprotocol of ``websocket.accept``."""
        headers = self._response.headers
        del headers["Date"]  # it is one of the default headers
        for name, value in (*default_headers, *message.get("headers", ())):
            headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        if subprotocol := message.get("subprotocol"):
            headers["Sec-WebSocket-Protocol"] = subprotocol
        self._core.send_response(self._response)

    def reject(self, status: HTTPStatus, text: str = "") -> None:
        """Reject with ``text``."""
        self._core.send_response(self._core.reject(status, text))

    def start_response(self, message: Message) -> None:
        """Start the response of ``websocket.http.response.start``."""
        raw: RawHeaders = list(message.get("headers", ()))
        headers = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw])
        self._status = message["status"], headers

    def add_body(self, message: Message) -> bool:
        """Add the body of ``websocket.http.response.body``. At its end, send the response and return True."""
        if self._status is None:
            raise RuntimeError("the body of a response that has not started")
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return False
        status, headers = self._status
        headers.setdefault("Date", formatdate(usegmt=True))
        headers.setdefault("Connection", "close")
        headers.setdefault("Content-Length", str(len(self._body)))
        headers.setdefault("Content-Type", "text/plain; charset=utf-8")
        self._core.send_response(Response(status, reason_phrase(status), headers, self._body))
        return True

    def scope(
        self, transport: Transport, config: Config, app_state: dict[str, Any], connection: ClientConnection
    ) -> Scope:
        """Build the ASGI scope, whose extensions have ``connection``."""
        request = self._request
        path, _, query = request.path.partition("?")
        offers = request.headers.get_all("Sec-WebSocket-Protocol")
        root = config.root_path
        return {
            "type": "websocket",
            "asgi": {"version": config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_tls(transport) else "ws",
            "server": server_address(transport),
            "client": client_address(transport),
            "root_path": root,
            "path": root + unquote(path),
            "raw_path": (root + path).encode("ascii"),
            "query_string": query.encode("ascii"),
            "headers": [
                (name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers.raw_items()
            ],
            "subprotocols": [token.strip() for offer in offers for token in offer.split(",")],
            "state": app_state.copy(),
            "extensions": {"websocket.http.response": {}, CONNECTION_EXTENSION: connection},
        }
