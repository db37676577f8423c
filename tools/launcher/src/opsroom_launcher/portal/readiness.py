"""Readiness of the portal: `GET /readyz` of its gateway."""

import asyncio
import ssl

FIRST_PAUSE_SECONDS = 0.02
MAX_PAUSE_SECONDS = 0.05
ANSWER_SECONDS = 2.0
_MOST_ANSWER_BYTES = 4096


async def wait_ready(host: str, port: int, *, tls: bool = False) -> None:
    """Poll `GET /readyz` until it returns 200. There is no timeout: the caller sets one."""
    pause = FIRST_PAUSE_SECONDS
    while not await is_ready(host, port, tls=tls):
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, MAX_PAUSE_SECONDS)


async def is_ready(host: str, port: int, *, tls: bool = False) -> bool:
    """Whether `GET /readyz` returns 200 within two seconds."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await _status(host, port, "/readyz", tls=tls) == b"200"
    except (OSError, TimeoutError):
        return False


async def serves_course_contract(host: str, port: int, *, tls: bool = False) -> bool:
    """Whether the course contract is enabled, by default or by a setting: if not, its paths return 403."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await _status(host, port, "/chat/", tls=tls) not in {b"", b"403"}
    except (OSError, TimeoutError):
        return False


async def _status(host: str, port: int, path: str, *, tls: bool) -> bytes:
    response = await _ask(host, port, path, _own_certificate() if tls else None)
    return b"".join(response.split(b" ", 2)[1:2])


def _own_certificate() -> ssl.SSLContext:
    """A context that accepts any certificate: it is for the public name, and nothing secret is sent."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _ask(host: str, port: int, path: str, tls: ssl.SSLContext | None) -> bytes:
    """Return the first bytes of the response."""
    reader, writer = await asyncio.open_connection(host, port, limit=_MOST_ANSWER_BYTES, ssl=tls)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: opsroom\r\nConnection: close\r\n\r\n".encode())
        return await reader.read(_MOST_ANSWER_BYTES)
    finally:
        writer.close()
