"""A push service for tests (RFC 8030): checks each request, and decrypts it as the device would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from opsroom_chat.push.encryption import decode_base64, encode_base64, point_of
from opsroom_contracts.chat.notifications import PushKeys, PushPayload
from opsroom_contracts.serialization.codec import contract_of

CURVE = SECP256R1()
SECRET = bytes(range(16))


@dataclass(frozen=True, slots=True)
class Push:
    """One push as the service got it, and its text as the device reads it."""

    device: str
    headers: dict[str, str]
    size: int
    payload: PushPayload


@dataclass(slots=True)
class PushService:
    """``answers``: by device, the responses to its next requests, as status and headers; then 201.

    ``None`` in place of one: the connection is closed without a response.
    """

    url: str = ""
    got: list[Push] = field(default_factory=list)
    requests: int = 0
    answers: dict[str, list[tuple[int, str] | None]] = field(default_factory=dict)
    keys: dict[str, EllipticCurvePrivateKey] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    connections: set[asyncio.StreamWriter] = field(default_factory=set)

    def subscribe(self, device: str) -> tuple[str, PushKeys]:
        """Return the address and the keys of a new subscription."""
        key = self.keys[device] = generate_private_key(CURVE)
        point = encode_base64(point_of(key.public_key()))
        return f"{self.url}/{device}", PushKeys(p256dh=point, auth=encode_base64(SECRET))

    def texts(self, device: str) -> list[str]:
        """Return the texts that a device has got."""
        return [push.payload.text for push in self.got if push.device == device]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections.add(writer)
        try:
            while not reader.at_eof():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                if not await self._respond(head, reader, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections.discard(writer)
            writer.close()

    async def _respond(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        device = path.strip("/")
        self.requests += 1
        answers = self.answers.get(device, [])
        answer = answers.pop(0) if answers else (201, f"Location: {self.url}/message/1\r\n")
        try:
            push = self._received(method, device, headers, body)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.problems.append(f"{type(error).__name__}: {error}")
            answer = (400, "")
        else:
            if answer is None or answer[0] == 201:
                self.got.append(push)
        if answer is None:
            return False
        status, more = answer
        writer.write(f"HTTP/1.1 {status} X\r\n{more}Content-Length: 0\r\n\r\n".encode())
        await writer.drain()
        return True

    def _received(self, method: str, device: str, headers: dict[str, str], body: bytes) -> Push:
        assert method == "POST"
        assert int(headers["ttl"]) > 0
        assert headers["urgency"] in {"very-low", "low", "normal", "high"}
        assert len(headers["topic"]) <= 32
        assert headers["content-encoding"] == "aes128gcm"
        assert len(body) <= 4096
        self._check_identity(headers["authorization"])
        text = decrypt(body, self.keys[device], SECRET).rstrip(b"\x00")
        assert text[-1:] == b"\x02"
        payload = contract_of(PushPayload).validate_json(text[:-1], by_alias=True, by_name=False)
        return Push(device, headers, len(body), payload)

    def _check_identity(self, header: str) -> None:
        scheme, _, parameters = header.partition(" ")
        found = dict(one.strip().split("=", 1) for one in parameters.split(","))
        key = EllipticCurvePublicKey.from_encoded_point(CURVE, decode_base64(found["k"]))
        parts = urlsplit(self.url)
        claims = jwt.decode(found["t"], key, ["ES256"], audience=f"{parts.scheme}://{parts.netloc}")
        assert scheme == "vapid"
        assert claims["sub"].startswith(("mailto:", "https://"))
        assert "exp" in claims


def decrypt(body: bytes, key: EllipticCurvePrivateKey, secret: bytes) -> bytes:
    """Decrypt one record as a device does (RFC 8188, RFC 8291), with its padding."""
    salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
    sender, record = body[21 : 21 + length], body[21 + length :]
    assert len(record) <= size
    shared = key.exchange(ECDH(), EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
    info = b"WebPush: info\x00" + point_of(key.public_key()) + sender
    material = HKDF(SHA256(), 32, secret, info).derive(shared)
    content_key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(material)
    nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(material)
    return AESGCM(content_key).decrypt(nonce, record, None)


@asynccontextmanager
async def push_service() -> AsyncIterator[PushService]:
    """Run a push service on this machine."""
    service = PushService()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield service
        for writer in list(service.connections):
            writer.close()  # the client keeps idle ones, for which the server would wait
