"""Files in a JetStream stream, with a subject for each chunk."""

import json
from collections.abc import AsyncIterator
from typing import Final

from nats.errors import Error as NatsError
from nats.js.api import Header

from opsroom_contracts.subjects import CHUNKS, FILES_STREAM, chunk_subject, chunks_of
from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.files.store import Blob, StorageFullError
from opsroom_messaging.jetstream.secure_delete import SecureDeleter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.write_health import NO_ROOM_CODES, WRONG_LAST_SEQUENCE_CODES

_STREAM_FULL: Final = 10077
"""A limit of the stream: it rejects what is new, and keeps what it has."""
_DIRECT_GET: Final = f"$JS.API.DIRECT.GET.{FILES_STREAM}"
_NOT_FOUND: Final = "404"
_SECONDS: Final = 10.0
_ERASE_PAGE: Final = 4
"""How many chunks are read at once to be erased: 2 MiB."""
_FIRST_CHUNKS: Final = CHUNKS.replace(">", "*.*.0")


class JetStreamFileStore:
    """The default store. The stream has limits of size and age, and the broker keeps an index of subjects in
    memory: some 200 bytes for each chunk."""

    def __init__(self, broker: NatsConnection) -> None:
        self._broker = broker
        self._reader = StreamReader(broker, FILES_STREAM)
        self._eraser = SecureDeleter(broker, FILES_STREAM)

    async def put(self, blob: Blob, number: int, data: bytes) -> None:
        """Store a chunk, unless it is stored already."""
        subject = chunk_subject(blob.file_id, blob.attempt, number)
        headers = {Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: "0"}
        try:
            reply = await self._broker.client.request(subject, data, timeout=_SECONDS, headers=headers)
            failure = json.loads(reply.data).get("error")
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"storing {subject}: {describe(error)}") from error
        if failure is None or failure.get("err_code") in WRONG_LAST_SEQUENCE_CODES:
            return
        message = f"storing {subject}: {failure.get('description')}"
        if failure.get("err_code") in {_STREAM_FULL, *NO_ROOM_CODES}:
            raise StorageFullError(message)
        raise UnavailableError(message)

    async def get(self, blob: Blob, number: int) -> bytes | None:
        """Read a chunk from any replica or, if that one lacks it, from the leader."""
        subject = chunk_subject(blob.file_id, blob.attempt, number)
        query = json.dumps({"last_by_subj": subject}).encode()
        try:
            # Without the subject in the request's own subject, which would need another permission.
            reply = await self._broker.client.request(_DIRECT_GET, query, timeout=_SECONDS)
            status = (reply.headers or {}).get("Status")
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"reading {subject}: {describe(error)}") from error
        if status is None:
            return reply.data
        if status != _NOT_FOUND:
            raise UnavailableError(f"reading {subject}: the broker returned {status}")
        stored = await self._reader.last(subject)
        return None if stored is None else stored.data

    async def delete(self, file_id: str, attempt: str | None = None) -> None:
        """Let the broker overwrite the chunks on its disk."""
        subject = chunks_of(file_id, attempt or "*")
        while page := await self._reader.page(subject, start=1, count=_ERASE_PAGE):
            for stored in page:
                await self._eraser.erase(stored.seq)

    async def blobs(self) -> AsyncIterator[Blob]:
        """Iterate over the subjects of first chunks."""
        offset = 0
        while True:
            query = json.dumps({"subjects_filter": _FIRST_CHUNKS, "offset": offset}).encode()
            try:
                reply = await self._broker.client.request(
                    f"$JS.API.STREAM.INFO.{FILES_STREAM}", query, timeout=_SECONDS
                )
                found = json.loads(reply.data)
            except (NatsError, TimeoutError) as error:
                raise UnavailableError(f"listing files: {describe(error)}") from error
            if "error" in found:
                raise UnavailableError(f"listing files: {found['error'].get('description')}")
            subjects = found["state"].get("subjects") or {}
            for subject in subjects:
                _, _, file_id, attempt, _ = subject.split(".")
                yield Blob(file_id, attempt)
            offset += len(subjects)
            if not subjects or offset >= found.get("total", 0):
                return
