"""An OpenID provider in the event loop of the test, with prepared responses."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"


def jwk(key_id: str | None, use: str | None = "sig") -> dict[str, Any]:
    """A new public key."""
    public = OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate().public_key(), as_dict=True)
    return public | {name: value for name, value in (("kid", key_id), ("use", use)) if value is not None}


def response(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An HTTP response."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers)
    return "\r\n".join((*lines, "", "")).encode() + body


def redirect(address: str) -> bytes:
    """A redirect to ``address``."""
    return response(b"", "302 Found", f"Location: {address}")


@dataclass
class FakeProvider:
    """A provider with prepared responses. ``requests``: how often each path was requested."""

    address: str
    paths: dict[str, bytes] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    unfinished: set[str] = field(default_factory=set)
    """Paths whose responses go on with a byte at a time until the client leaves."""
    silent: set[str] = field(default_factory=set)
    """Paths without a response until ``release`` is set."""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: Counter[str] = field(default_factory=Counter)
    """How often a client has left without a response, by path."""

    def publish(self, *keys: Any, **metadata: str) -> None:
        """Return these keys, and metadata with these fields changed."""
        names = {"jwks_uri": KEYS, "authorization_endpoint": "/authorize", "token_endpoint": "/token"}
        document = {"issuer": self.address} | {name: self.address + path for name, path in names.items()}
        self.paths[DISCOVERY] = response(json.dumps(document | metadata).encode())
        self.paths[KEYS] = response(json.dumps({"keys": keys}).encode())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request."""
        with closing(writer):
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
            self.requests[path] += 1
            if path in self.silent:
                left = asyncio.ensure_future(reader.read())
                released = asyncio.ensure_future(self.release.wait())
                await asyncio.wait((left, released), return_when=asyncio.FIRST_COMPLETED)
                released.cancel()
                if left.done():
                    self.abandoned[path] += 1
                    return
                left.cancel()
            writer.write(self.paths.get(path, response(b"", "404 Not Found")))
            while path in self.unfinished and not reader.at_eof():
                writer.write(b" ")
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await reader.read(1)


@asynccontextmanager
async def fake_provider() -> AsyncIterator[FakeProvider]:
    """Run a provider; stops with its connections."""
    fake = FakeProvider("")
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    async with server:
        fake.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield fake
