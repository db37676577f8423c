"""HTTP/1.1 status lines, and the responses that a connection sends without calling the application."""

import random
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

Headers = Iterable[tuple[bytes, bytes]]
"""Names and values of header fields."""

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
REQUEST_TIMEOUT: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
HEADERS_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
TOO_MANY_CONNECTIONS: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
_UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: %d\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


def reason_phrase(status: int) -> str:
    """Return the phrase of ``status``; empty if it is not registered."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


STATUS_LINES: Final[Mapping[int, bytes]] = MappingProxyType(
    {status: f"HTTP/1.1 {status} {reason_phrase(status)}\r\n".encode() for status in range(100, 600)}
)


def unavailable(retry_seconds: tuple[int, int]) -> bytes:
    """Return a 503 with a random ``Retry-After`` between the two numbers of ``retry_seconds``.

    Random, so that clients that were rejected together don't retry together.
    """
    return _UNAVAILABLE % random.randint(*retry_seconds)  # noqa: S311 - nothing secret


def bad_request(reason: str, default_headers: Headers) -> bytes:
    """Return a 400 with ``reason`` as plain text."""
    body = reason.encode()
    lines = [STATUS_LINES[400]]
    for name, value in default_headers:
        lines += (name, b": ", value, b"\r\n")
    lines += (
        b"content-type: text/plain; charset=utf-8\r\n",
        b"content-length: %d\r\n" % len(body),
        b"connection: close\r\n\r\n",
        body,
    )
    return b"".join(lines)
