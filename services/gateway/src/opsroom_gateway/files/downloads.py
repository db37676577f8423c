"""Sending files: from the store to a client, chunk by chunk, as fast as the client reads."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from opsroom_contracts.chat.files import IMAGE_TYPES, FileReply
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_gateway.domain.byte_ranges import UnsatisfiableRangeError, byte_range
from opsroom_gateway.domain.file_types import UNKNOWN_TYPE
from opsroom_gateway.middleware.head_requests import is_head_request
from opsroom_messaging.files.store import CHUNK_BYTES, Blob, FileStore

_AT_ONCE: Final = 128
"""Downloads of a process. Each takes the memory of two chunks: one is sent while the next is read."""
_CHUNK_SECONDS: Final = 60.0
"""How long a client may take to read a chunk; beyond it the connection is closed."""
_RETRY_SECONDS: Final = 2.0
_ISOLATION: Final = ("Cross-Origin-Resource-Policy", "same-origin")
_NOT_OF_THE_BODY: Final = ("ETag", "Cache-Control", _ISOLATION[0])
_ASCII_ONLY: Final = re.compile(r"[^ !#$&'()+,\-.0-9;=@A-Z\[\]^_`a-z{}~]")
"""What a quoted file name of the header must not have. The other form has the whole name."""


class Downloads:
    """Downloads in progress."""

    def __init__(self, store: FileStore) -> None:
        self._store = store
        self._open = 0

    def response(self, found: FileReply, scope: Scope, headers: "RequestHeaders") -> Response:
        """Return the response to a request for a file that the client may read."""
        file, etag = found.file, f'"{found.digest[:32]}"'
        own = _headers(found, etag)
        if headers.matches(etag):
            return Response(status_code=304, headers={name: own[name] for name in _NOT_OF_THE_BODY})
        try:
            wanted = byte_range(headers.range_for(etag), file.size)
        except UnsatisfiableRangeError:
            told = {"Content-Range": f"bytes */{file.size}", _ISOLATION[0]: _ISOLATION[1]}
            return Response(status_code=416, headers=told)
        status, part = 200, range(file.size)
        if wanted is not None:
            status, part = 206, wanted
            own["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
        own["Content-Length"] = str(len(part))
        body = None if is_head_request(scope) else self._bytes(Blob(file.id, found.attempt), part)
        return _FileResponse(body, status, own)

    async def _bytes(self, blob: Blob, part: range) -> AsyncGenerator[bytes]:
        """Iterate over the bytes ``part`` of a file, and read one chunk ahead."""
        if self._open >= _AT_ONCE:
            message = "too many files are being downloaded at this moment; try again"
            raise refuse(ErrorCode.OVERLOADED, message, retry_after=_RETRY_SECONDS)
        self._open += 1
        loop = asyncio.get_running_loop()
        ahead: asyncio.Task[bytes] | None = None
        try:
            numbers = range(part.start // CHUNK_BYTES, -(-part.stop // CHUNK_BYTES)) if part else range(0)
            for number in numbers:
                chunk = await (ahead or loop.create_task(self._chunk(blob, number)))
                following = number + 1
                ahead = loop.create_task(self._chunk(blob, following)) if following in numbers else None
                start = number * CHUNK_BYTES
                yield chunk[max(0, part.start - start) : part.stop - start]
        finally:
            self._open -= 1
            if ahead is not None:
                ahead.cancel()
                await asyncio.wait((ahead,))
                ahead.cancelled() or ahead.exception()

    async def _chunk(self, blob: Blob, number: int) -> bytes:
        chunk = await self._store.get(blob, number)
        if chunk is None:
            raise refuse(ErrorCode.FILE_UNKNOWN, "the bytes of this file no longer exist")
        return chunk


class RequestHeaders:
    """The headers of a request that say which bytes it is for."""

    def __init__(self, *, none_match: str | None, wanted: str | None, if_range: str | None) -> None:
        self._none_match = none_match
        self._range = wanted
        self._if_range = if_range

    def matches(self, etag: str) -> bool:
        """Return whether the client has these bytes."""
        if self._none_match is None:
            return False
        tags = (tag.strip().removeprefix("W/") for tag in self._none_match.split(","))
        return any(tag in {etag, "*"} for tag in tags)

    def range_for(self, etag: str) -> str | None:
        """Return the header ``Range``, unless the client has other bytes than these."""
        return self._range if self._if_range in {None, etag} else None


class _FileResponse(Response):
    """A response that has its headers only once the first bytes are read, so that an error is still one."""

    def __init__(self, body: AsyncGenerator[bytes] | None, status: int, headers: dict[str, str]) -> None:
        super().__init__(status_code=status, headers=headers)
        self._bytes = body

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the headers and the bytes."""
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        body = self._bytes
        if body is None:
            await send(start)
            await send({"type": "http.response.body"})
            return
        async with aclosing(body) as pieces:
            is_started = False
            async for piece in pieces:
                async with asyncio.timeout(_CHUNK_SECONDS):
                    if not is_started:
                        await send(start)
                        is_started = True
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            if not is_started:
                await send(start)
            await send({"type": "http.response.body"})


def _headers(found: FileReply, etag: str) -> dict[str, str]:
    """Return the headers of a file.

    Only images are shown in place, with a type that no browser runs; everything else is an unknown type that
    is saved. ``no-cache``: browsers may keep it, but have to ask each time, since membership may have ended.
    """
    file = found.file
    is_shown = file.type in IMAGE_TYPES and file.width is not None
    disposition = "inline" if is_shown else "attachment"
    name = f"filename=\"{_ASCII_ONLY.sub('_', file.name)}\"; filename*=UTF-8''{quote(file.name, safe='')}"
    return {
        "Content-Type": file.type if is_shown else UNKNOWN_TYPE,
        "Content-Disposition": f"{disposition}; {name}",
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        _ISOLATION[0]: _ISOLATION[1],
    }
