"""Receiving files: from a request's body into the store, chunk by chunk."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, NoReturn
from uuid import uuid4

from opsroom_contracts import endpoints
from opsroom_contracts.audit import Requester
from opsroom_contracts.chat.files import (
    BeginFileReply,
    BeginFileRequest,
    CancelFileRequest,
    File,
    FinishFileRequest,
)
from opsroom_contracts.chat.imported_files import BeginImportedFileRequest, ImportedFile
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_gateway.domain.file_types import recognize
from opsroom_gateway.files.limits import UploadLimits
from opsroom_gateway.files.one_write import OneWrite
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.files.store import CHUNK_BYTES, Blob, FileStore

_AT_ONCE: Final = 64
"""Uploads of a process. Each takes the memory of two chunks: one is received while the other is stored."""
_AT_ONCE_OF_PERSON: Final = 4
_READ_FACTOR: Final = 4
"""A file that is larger than this multiple of the limit is not read to its end."""
_RETRY_SECONDS: Final = 2.0

Body = AsyncIterator[bytes]
"""The pieces of a body. It raises if the client is too slow, or gone."""


@dataclass(frozen=True, slots=True)
class Importing:
    """The message that an admin imports and whose file this is."""

    file: ImportedFile
    by: Requester


@dataclass(frozen=True, slots=True)
class NewFile:
    """What a client says about a file that it uploads. ``id``: from its idempotency key, if it has one.

    ``imported``: it is for a message that is imported; ``room`` is that of the source then.
    """

    user_id: str
    id: str
    room: str
    name: str
    declared_type: str
    imported: Importing | None = None


class Uploads:
    """Uploads in progress."""

    def __init__(self, requester: RequestClient, store: FileStore, limits: UploadLimits) -> None:
        self.limits = limits
        self._requester = requester
        self._store = store
        self._open: Counter[str] = Counter()

    async def receive(self, new: NewFile, body: Body) -> File:
        """Store a file. The client waits while the store does.

        A file that is complete already is not stored again. If anything fails, what was stored is deleted.

        Raises:
            FaultError: ``payload_too_large``, ``storage_full``, ``rate_limited``, ``overloaded``, that of the
                chat service or of ``body``.
            UnavailableError: the store did not reply.
        """
        with self._slot(new.user_id):
            attempt = uuid4().hex
            reply = await self._begin(new, attempt)
            if reply.file is not None:
                async for _ in self._limited(body):
                    pass  # so that the client gets to read the response
                return reply.file
            try:
                return await self._store_file(new, attempt, body)
            except BaseException:
                with suppress(FaultError, UnavailableError):
                    cancelled = CancelFileRequest(id=new.id, attempt=attempt)
                    await self._requester.request(endpoints.CANCEL_FILE, cancelled)
                raise

    def too_large(self) -> FaultError:
        """Return the refusal of a file that is too large."""
        size = self.limits.size
        message = f"a file may have {size} bytes ({size / 1024**2:g} MiB) at most"
        return refuse(ErrorCode.PAYLOAD_TOO_LARGE, message)

    async def _begin(self, new: NewFile, attempt: str) -> BeginFileReply:
        if new.imported is not None:
            importing = BeginImportedFileRequest(
                file=new.imported.file, name=new.name, attempt=attempt, by=new.imported.by
            )
            return await self._requester.request(endpoints.BEGIN_IMPORTED_FILE, importing)
        request = BeginFileRequest(
            user_id=new.user_id, id=new.id, attempt=attempt, room=new.room, name=new.name
        )
        return await self._requester.request(endpoints.BEGIN_FILE, request)

    async def _store_file(self, new: NewFile, attempt: str, body: Body) -> File:
        blob, digest, size, head, number = Blob(new.id, attempt), hashlib.sha256(), 0, b"", 0
        async with OneWrite() as write:
            async for chunk in _chunks(self._limited(body)):
                head = head or chunk
                size += len(chunk)
                digest.update(chunk)
                await write.then(self._store.put(blob, number, chunk))
                number += 1
        if new.imported is not None and digest.hexdigest() != new.imported.file.digest:
            message = f"digest: the content has {digest.hexdigest()}"
            raise refuse(ErrorCode.INVALID_REQUEST, message, field="digest")
        recognized = recognize(head, new.declared_type)
        request = FinishFileRequest(
            user_id=new.user_id,
            id=new.id,
            attempt=attempt,
            type=recognized.type,
            size=size,
            digest=digest.hexdigest(),
            width=recognized.width,
            height=recognized.height,
        )
        return (await self._requester.request(endpoints.FINISH_FILE, request)).file

    async def _limited(self, body: Body) -> AsyncIterator[bytes]:
        size = 0
        async for piece in body:
            size += len(piece)
            if size > self.limits.size:
                await self.refuse_rest(body, size)
            yield piece

    async def refuse_rest(self, body: Body, size: int = 0) -> NoReturn:
        """Read the rest of a file that is too large, so that its client gets to read why it is refused.

        Of a much larger one, the connection is closed. ``size``: how much of it was received.

        Raises:
            FaultError: ``payload_too_large``.
        """
        async for piece in body:
            size += len(piece)
            if size > _READ_FACTOR * self.limits.size:
                break
        raise self.too_large()

    @contextmanager
    def _slot(self, user_id: str) -> Iterator[None]:
        if self._open.total() >= _AT_ONCE:
            message = "too many files are being uploaded at this moment; try again"
            raise refuse(ErrorCode.OVERLOADED, message, retry_after=_RETRY_SECONDS)
        if self._open[user_id] >= _AT_ONCE_OF_PERSON:
            message = f"more than {_AT_ONCE_OF_PERSON} uploads at once; wait for one of them"
            raise refuse(ErrorCode.RATE_LIMITED, message, retry_after=_RETRY_SECONDS)
        self._open[user_id] += 1
        try:
            yield
        finally:
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]


async def _chunks(body: Body) -> AsyncIterator[bytes]:
    """Cut a body into chunks of the store."""
    buffer = bytearray()
    async for piece in body:
        buffer += piece
        while len(buffer) >= CHUNK_BYTES:
            yield bytes(memoryview(buffer)[:CHUNK_BYTES])
            del buffer[:CHUNK_BYTES]
    if buffer:
        yield bytes(buffer)
