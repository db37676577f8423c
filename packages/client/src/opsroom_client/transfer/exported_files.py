"""The contents of exported files: a folder beside the export, with a file for each content.

Each is named by the SHA-256 of its bytes. So equal contents are there once, what was written before an
interruption is found again, no name of the portal becomes a path, and a reader can check each of them.
"""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import IO, Final

from opsroom_client.errors import RequestRejectedError
from opsroom_client.files import Files
from opsroom_client.transfer.reading import TransferError
from opsroom_contracts.chat.files import File
from opsroom_contracts.errors import ErrorCode

_PART: Final = "incomplete.part"


def folder_of(export: Path) -> Path:
    """Return the folder with the files of an export: ``team.jsonl.files`` of ``team.jsonl``."""
    return export.with_name(f"{export.name}.files")


def exported_file(folder: Path, digest: str) -> Path | None:
    """Return the file with a content; ``None`` if the folder does not have it."""
    path = folder / digest
    return path if path.is_file() and not path.is_symlink() else None


class FileFolder:
    """Fetches files into a folder, piece by piece. The folder is made with the first file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def fetch(self, files: Files, file: File) -> str | None:
        """Store the content of a file, and return its digest; ``None`` if it was removed meanwhile.

        Raises:
            TransferError: it can't be written, or is not as long as its message says.
            OpsroomError: as requests.
        """
        part = self._path / _PART
        try:
            output = await asyncio.to_thread(self._open, part)
            with output:
                digest = await _copy(files, file, output)
            if digest is None:
                await asyncio.to_thread(part.unlink)
            else:
                await asyncio.to_thread(os.replace, part, self._path / digest)
        except OSError as error:
            raise TransferError(f"{self._path}: can't be written: {error.strerror}") from None
        return digest

    def _open(self, part: Path) -> IO[bytes]:
        self._path.mkdir(exist_ok=True)
        return part.open("wb")


async def _copy(files: Files, file: File, output: IO[bytes]) -> str | None:
    digest, size = hashlib.sha256(), 0
    try:
        async for piece in files.pieces(file.id):
            await asyncio.to_thread(output.write, piece)
            digest.update(piece)
            size += len(piece)
    except RequestRejectedError as error:
        if error.code is not ErrorCode.FILE_UNKNOWN:
            raise
        return None
    if size != file.size:
        raise TransferError(f"file {file.id}: has {size} bytes, and its message says {file.size}")
    return digest.hexdigest()
