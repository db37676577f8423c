"""The port through which the bytes of files are stored and read."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

from opsroom_messaging.errors import MessagingError

CHUNK_BYTES: Final = 512 * 1024
"""The size of a chunk; only the last one of a file is smaller. Stored files depend on it.

Half of what a broker accepts in a message. A smaller one costs a round trip more often, a larger one more
memory for each transfer.
"""


class StorageFullError(MessagingError):
    """The store has no space for the chunk, which is not stored."""


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of one attempt to upload a file. No other attempt writes them."""

    file_id: str
    attempt: str


class FileStore(Protocol):
    """Bytes in chunks of ``CHUNK_BYTES``, numbered from 0.

    Each chunk is stored before the next is accepted, so that a range is read by its chunks, a transfer takes
    the memory of a few of them, and one that is cancelled stops at once. A store never deletes what is
    complete, except by its own limit of age.
    """

    async def put(self, blob: Blob, number: int, data: bytes) -> None:
        """Store a chunk. The same chunk once more changes nothing.

        Raises:
            StorageFullError: there is no space.
            UnavailableError: no reply; the chunk may be stored or not.
        """

    async def get(self, blob: Blob, number: int) -> bytes | None:
        """Return a chunk; None if it does not exist.

        Raises:
            UnavailableError: no reply.
        """

    async def delete(self, file_id: str, attempt: str | None = None) -> None:
        """Delete the chunks of one attempt, or of all of them. Those that don't exist are no error.

        Raises:
            UnavailableError: no reply; some may be deleted.
        """

    def blobs(self) -> AsyncIterator[Blob]:
        """Iterate over all attempts that have at least one chunk.

        Raises:
            UnavailableError: no reply.
        """
