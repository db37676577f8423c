"""Chat sockets of the course contract and of v1."""

import json
from collections.abc import Callable

from bench.clients.http_client import HttpClient
from opsroom_testkit.websocket_client import WebSocketClient, connect


async def join_chat(
    port: int, protocol: str, number: int, on_payload: Callable[[bytes], None]
) -> WebSocketClient:
    """Open socket ``number``: anonymous in the course contract, of a new user in v1.

    Raises:
        ConnectionError: the server refused.
    """
    if protocol == "course":
        return await connect(port, "/chat/", on_payload)
    async with HttpClient(port) as client:
        status, body = await client.post(
            "/api/v1/chat/users", json.dumps({"name": f"reader {number}"}).encode()
        )
    if status != 201:
        raise ConnectionError(f"registering was answered with {status}: {body[:200]!r}")
    reader = await connect(port, "/api/v1/chat/ws", on_payload)
    reader.send(json.dumps({"type": "hello", "token": json.loads(body)["token"]}).encode())
    return reader


def is_welcome(payload: bytes) -> bool:
    """Whether this is the first frame of a socket: the user list, or v1's welcome."""
    return payload.startswith((b"[", b'{"type":"welcome"'))
