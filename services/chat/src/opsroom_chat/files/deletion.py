"""Deletion of bytes: with their message, and of what no record refers to."""

import logging
from collections.abc import Sequence

from opsroom_chat.domain.files import is_garbage
from opsroom_chat.files.records import FileRecords
from opsroom_contracts.chat.files import FileState
from opsroom_messaging.files.store import Blob, FileStore

log = logging.getLogger(__name__)


class FileDeletion:
    """Deletes the bytes of files whose message was removed, and garbage.

    A record without bytes is harmless, and bytes without a record are garbage: what a killed process leaves
    is always one of both.
    """

    def __init__(self, records: FileRecords, store: FileStore) -> None:
        self._records = records
        self._store = store
        self._suspects: frozenset[Blob] = frozenset()

    async def erase(self, ids: Sequence[str]) -> None:
        """Delete the bytes of removed files. One that a message still refers to is left alone.

        Raises:
            UnavailableError: no reply.
        """
        for file_id in ids:
            record = await self._records.find(file_id)
            if record is not None and record.state is not FileState.REMOVED:
                log.warning("left the file %s: its message was not removed", file_id)
                continue
            await self._store.delete(file_id)

    async def sweep(self) -> None:
        """Delete bytes that had no use in this pass nor in the one before.

        Raises:
            UnavailableError: no reply.
        """
        found = [blob async for blob in self._store.blobs()]
        garbage = {blob for blob in found if is_garbage(await self._records.find(blob.file_id), blob.attempt)}
        for blob in garbage & self._suspects:
            await self._store.delete(blob.file_id, blob.attempt)
        self._suspects = frozenset(garbage)
