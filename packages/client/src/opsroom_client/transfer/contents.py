"""Contents of files to import: read in pieces from where the export has them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import IO, Final

from opsroom_client.transfer.reading import TransferError

_PIECE_BYTES: Final = 256 * 1024

Opener = Callable[[], IO[bytes]]


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file. ``digest``: its SHA-256. ``type``: what the source says that it is."""

    name: str
    type: str
    size: int
    digest: str
    open: Opener

    async def pieces(self) -> AsyncIterator[bytes]:
        """Read it from its beginning."""
        with await asyncio.to_thread(self.open) as file:
            while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
                yield piece


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of a message as it was found. ``shown``: what the text says instead if there is no content."""

    shown: str
    content: Content | None = None


def content_of(open_file: Opener, name: str, *, kind: str = "", digest: str | None = None) -> Content:
    """Return a content, which is read once for its digest.

    Raises:
        TransferError: it can't be read, or has another digest than ``digest``.
    """
    found, size = hashlib.sha256(), 0
    try:
        with open_file() as file:
            while piece := file.read(_PIECE_BYTES):
                found.update(piece)
                size += len(piece)
    except TransferError:
        raise
    except Exception as error:  # noqa: BLE001 - each way to compress has separate exceptions
        raise TransferError(f"{name}: can't be read: {error}") from None
    if digest is not None and found.hexdigest() != digest:
        raise TransferError(f"{name}: is damaged: its content has the SHA-256 {found.hexdigest()}")
    return Content(name=name, type=kind, size=size, digest=found.hexdigest(), open=open_file)


class Contents:
    """The contents of messages that were read and are not stored yet, by room and message."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[Content]] = {}

    def add(self, room: str, message: str, contents: list[Content]) -> None:
        """Keep the contents of a message until it is stored."""
        self._found[room, message] = contents

    def of(self, room: str, message: str) -> list[Content]:
        """Return the contents of a message, in the order of its files."""
        return self._found.get((room, message), [])

    def forget(self, room: str, message: str) -> None:
        """Forget the contents of a message."""
        self._found.pop((room, message), None)
