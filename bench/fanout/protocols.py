"""The bytes that the load generator sends in each protocol, so that it need not implement any."""

import json
from dataclasses import dataclass, field

from opsroom_testkit.websocket_frames import TEXT as TEXT_OPCODE
from opsroom_testkit.websocket_frames import ZERO_MASK, frame, upgrade_request

MARK = "~00000000~"
SIZE = 200
TEXT = MARK.ljust(SIZE, "x")
"""The message. The generator writes its number into the mark."""


def masked(payload: str | bytes, opcode: int = TEXT_OPCODE) -> bytes:
    """Build a client's frame with a mask of zeros, so that the payload is unchanged."""
    return frame(opcode, payload.encode() if isinstance(payload, str) else payload, mask=ZERO_MASK)


def get(path: str) -> bytes:
    """Build the request for a stream of server-sent events."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode()


def post(path: str, body: str) -> bytes:
    """Build a POST request for a keep-alive connection."""
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@dataclass(frozen=True, slots=True)
class Handshake:
    """``open``: the bytes that a connection sends first; ``hello``: after the headers of the response.

    ``ready``: what it must then receive to count as connected; empty: the headers suffice.
    """

    open: bytes
    hello: bytes = b""
    ready: bytes = b""


@dataclass(frozen=True, slots=True)
class PeerProtocol:
    """How readers join and how a message is published."""

    reader: Handshake
    publisher: Handshake
    message: bytes
    websocket: bool = True


@dataclass(frozen=True, slots=True)
class Protocols:
    """The protocols of all servers that are measured."""

    relay: PeerProtocol = field(
        default=PeerProtocol(
            Handshake(upgrade_request("/")), Handshake(upgrade_request("/publish")), masked(TEXT)
        ),
    )
    socketio: PeerProtocol = field(
        default=PeerProtocol(
            Handshake(upgrade_request("/socket.io/?EIO=4&transport=websocket"), masked("40"), b"40{"),
            Handshake(upgrade_request("/socket.io/?EIO=4&transport=websocket"), masked("40"), b"40{"),
            masked(f'42["publish","{TEXT}"]'),
        )
    )
    nchan: PeerProtocol = field(
        default=PeerProtocol(Handshake(upgrade_request("/read")), Handshake(b""), post("/publish", TEXT)),
    )
    nchan_sse: PeerProtocol = field(
        default=PeerProtocol(
            Handshake(get("/read")), Handshake(b""), post("/publish", TEXT), websocket=False
        ),
    )
    nats: PeerProtocol = field(
        default=PeerProtocol(
            Handshake(
                upgrade_request("/"),
                masked(b'CONNECT {"verbose":false}\r\nSUB bench 1\r\nPING\r\n', 2),
                b"PONG",
            ),
            Handshake(upgrade_request("/"), masked(b'CONNECT {"verbose":false}\r\nPING\r\n', 2), b"PONG"),
            masked(f"PUB bench {SIZE}\r\n{TEXT}\r\n".encode(), 2),
        )
    )
    centrifugo: PeerProtocol = field(
        default=PeerProtocol(
            Handshake(
                upgrade_request("/connection/websocket"),
                masked('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"bench"}}'),
                b'"id":2',
            ),
            Handshake(upgrade_request("/connection/websocket"), masked('{"id":1,"connect":{}}'), b'"id":1'),
            masked(
                json.dumps({"id": 3, "publish": {"channel": "bench", "data": {"text": TEXT}}}),
            ),
        )
    )


PROTOCOLS = Protocols()
