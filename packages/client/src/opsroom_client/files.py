"""Files of messages: upload and download, in pieces, so that a large file takes little memory."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx

from opsroom_client.backoff import Backoff
from opsroom_client.errors import UnexpectedResponseError
from opsroom_client.requests import API, Call, Requests, error_of_response, unreachable_error
from opsroom_contracts.chat.files import File

_PIECE_BYTES: Final = 256 * 1024


class Files:
    """Requires the token of a registered user. Methods raise the same as :meth:`Requests.request`."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def upload(
        self, source: Path | bytes, *, room: str = "general", name: str | None = None, key: str | None = None
    ) -> File:
        """Upload a file for a message of ``room``; only the user sees it until a message refers to it.

        ``name``: that of the file by default. ``key``: an idempotency key; the same one gets the same file.
        An upload that is interrupted is repeated from the beginning.

        Raises:
            OSError: the file can't be read.
        """
        if isinstance(source, Path):
            size = await asyncio.to_thread(os.path.getsize, source)
            shown = name or source.name
        else:
            size, shown = len(source), name or "file"
        call = Call(
            "POST",
            "/chat/files",
            params={"room": room, "name": shown},
            key=key or uuid4().hex,
            content=_pieces_of(source),
            size=size,
        )
        return await self._requests.request(call, File)

    async def download(self, file_id: str, target: Path) -> int:
        """Write a file to ``target``, and return its size. What is interrupted goes on where it was.

        ``target`` gets its content at the end at once; until then it is in a file beside it.

        Raises:
            OSError: the file can't be written.
        """
        part = target.with_name(f"{target.name}.part")
        output = await asyncio.to_thread(part.open, "wb")
        try:
            size = 0
            async for piece in self.pieces(file_id):
                await asyncio.to_thread(output.write, piece)
                size += len(piece)
        except BaseException:
            output.close()
            part.unlink(missing_ok=True)
            raise
        output.close()
        await asyncio.to_thread(os.replace, part, target)
        return size

    async def pieces(self, file_id: str) -> AsyncIterator[bytes]:
        """Iterate over the bytes of a file. After an interruption, a request for the rest follows."""
        loop, backoff, received = asyncio.get_running_loop(), Backoff(), 0
        etag, deadline = "", loop.time() + self._requests.timeout
        while True:
            headers = {"Range": f"bytes={received}-", "If-Range": etag} if received else {}
            try:
                async with self._requests.http.stream(
                    "GET", f"{API}/chat/files/{file_id}", headers=headers
                ) as response:
                    if not response.is_success:
                        await response.aread()
                        raise error_of_response(response)
                    if received and response.status_code != httpx.codes.PARTIAL_CONTENT:
                        raise UnexpectedResponseError("the file was replaced while it was downloaded")
                    etag = response.headers.get("ETag", "")
                    async for piece in response.aiter_bytes(_PIECE_BYTES):
                        received += len(piece)
                        deadline = loop.time() + self._requests.timeout
                        yield piece
                return
            except httpx.TransportError as error:
                delay = backoff.next()
                if loop.time() + delay > deadline:
                    raise unreachable_error(self._requests.http.base_url, error) from error
                await asyncio.sleep(delay)


def _pieces_of(source: Path | bytes) -> Callable[[], AsyncIterator[bytes]]:
    """Return what reads the source from its beginning, each time it is called."""

    async def of_bytes(content: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(content), _PIECE_BYTES):
            yield content[start : start + _PIECE_BYTES]

    async def of_file(path: Path) -> AsyncIterator[bytes]:
        with await asyncio.to_thread(path.open, "rb") as opened:
            while piece := await asyncio.to_thread(opened.read, _PIECE_BYTES):
                yield piece

    return lambda: of_file(source) if isinstance(source, Path) else of_bytes(source)
