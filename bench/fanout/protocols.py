"""What a load generator says in each dialect, ready-made, so that it need not know any."""

import json
from dataclasses import dataclass, field

MARK = "~00000000~"
SIZE = 200
TEXT = MARK.ljust(SIZE, "x")
"""The message: the generator writes its number into the mark."""


def upgrade(path: str, subprotocol: str = "") -> bytes:
    """The request that opens a WebSocket."""
    offer = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: b3Bzcm9vbSBiZW5jaCEhIQ==\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n"
    ).encode()


def masked(payload: str | bytes, opcode: int = 1) -> bytes:
    """A client's frame; its mask is zeros, so the payload stands in it as it is."""
    data = payload.encode() if isinstance(payload, str) else payload
    size = len(data)
    head = bytes((0x80 | opcode, 0x80 | size)) if size < 126 else b"%c\xfe" % (0x80 | opcode)
    return head + (b"" if size < 126 else size.to_bytes(2, "big")) + b"\0\0\0\0" + data


def get(path: str) -> bytes:
    """The request for a stream of server-sent events."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode()


def post(path: str, body: str) -> bytes:
    """A POST on a connection that stays."""
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@dataclass(frozen=True, slots=True)
class Handshake:
    """``open``: what a connection says first; ``hello``: after the headers of the answer.

    ``ready``: what it must then get to be counted as connected; empty: the headers do.
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
    """Those of all servers that are measured."""

    relay: PeerProtocol = field(
        default=PeerProtocol(Handshake(upgrade("/")), Handshake(upgrade("/publish")), masked(TEXT)),
    )
    socketio: PeerProtocol = field(
        default=PeerProtocol(
            Handshake(upgrade("/socket.io/?EIO=4&transport=websocket"), masked("40"), b"40{"),
            Handshake(upgrade("/socket.io/?EIO=4&transport=websocket"), masked("40"), b"40{"),
            masked(f'42["publish","{TEXT}"]'),
        )
    )
    nchan: PeerProtocol = field(
        default=PeerProtocol(Handshake(upgrade("/read")), Handshake(b""), post("/publish", TEXT)),
    )
    nchan_sse: PeerProtocol = field(
        default=PeerProtocol(
            Handshake(get("/read")), Handshake(b""), post("/publish", TEXT), websocket=False
        ),
    )
    nats: PeerProtocol = field(
        default=PeerProtocol(
            Handshake(
                upgrade("/"), masked(b'CONNECT {"verbose":false}\r\nSUB bench 1\r\nPING\r\n', 2), b"PONG"
            ),
            Handshake(upgrade("/"), masked(b'CONNECT {"verbose":false}\r\nPING\r\n', 2), b"PONG"),
            masked(f"PUB bench {SIZE}\r\n{TEXT}\r\n".encode(), 2),
        )
    )
    centrifugo: PeerProtocol = field(
        default=PeerProtocol(
            Handshake(
                upgrade("/connection/websocket"),
                masked('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"bench"}}'),
                b'"id":2',
            ),
            Handshake(upgrade("/connection/websocket"), masked('{"id":1,"connect":{}}'), b'"id":1'),
            masked(
                json.dumps({"id": 3, "publish": {"channel": "bench", "data": {"text": TEXT}}}),
            ),
        )
    )


PROTOCOLS = Protocols()
