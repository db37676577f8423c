"""Reading of exports that anybody may have made: bounded memory, and errors that name file, line and field.

Nothing is ever written to a path that an export names.
"""

import json
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from opsroom_client.errors import OpsroomError
from opsroom_contracts.serialization.codec import first_fault

LINE_MAX_BYTES: Final = 16 * 1024 * 1024
"""The longest line of a file with a JSON object on each line. A post of Mattermost includes its replies."""
FILE_MAX_BYTES: Final = 64 * 1024 * 1024
"""The largest file that is one JSON value, unpacked: a day of a channel of Slack, or its list of users."""
ENTRIES_MAX: Final = 200_000
"""The maximum number of files in an archive."""
_DEPTH_MAX: Final = 64

ValueT = TypeVar("ValueT")


class Foreign(BaseModel):
    """A part of an export of another program. Fields that are not needed are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class TransferError(OpsroomError):
    """An export can't be read, or is not what it should be. The message names the file and the place."""


class Lines(Protocol):
    """What has lines, such as a binary file."""

    def readline(self, limit: int, /) -> bytes:
        """Return the next line, or its beginning of ``limit`` bytes; nothing at the end."""


class Archive(Protocol):
    """The files of an export."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all files, with ``/`` between folders."""

    def open(self, name: str) -> IO[bytes]:
        """Open a file.

        Raises:
            TransferError: it can't be opened.
        """


class ZipArchive:
    """The files of a zip file. They are unpacked as they are read, never to the disk."""

    def __init__(self, file: zipfile.ZipFile, path: str) -> None:
        self._file = file
        infos = [info for info in file.infolist() if not info.is_dir()]
        if len(infos) > ENTRIES_MAX:
            raise TransferError(f"{path}: has {len(infos)} files; the limit is {ENTRIES_MAX}")
        for info in infos:
            _check_name(info.filename, path)
        self._names = tuple(sorted(info.filename for info in infos))
        self._path = path

    def names(self) -> tuple[str, ...]:
        """Return the names of all files."""
        return self._names

    def open(self, name: str) -> IO[bytes]:
        """Open a file."""
        try:
            return self._file.open(name)
        except Exception as error:  # noqa: BLE001 - of any kind, depending on what is damaged
            raise TransferError(f"{self._path}: {name} can't be read: {error}") from None


class FolderArchive:
    """The files in a folder, such as an unpacked zip file. Links that lead out of it are refused."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def names(self) -> tuple[str, ...]:
        """Return the names of all files."""
        found: list[str] = []
        for path in self._folder.rglob("*"):
            if path.is_file():
                found.append(path.relative_to(self._folder).as_posix())
            if len(found) > ENTRIES_MAX:
                raise TransferError(f"{self._folder}: has more than {ENTRIES_MAX} files, which is the limit")
        return tuple(sorted(found))

    def open(self, name: str) -> IO[bytes]:
        """Open a file."""
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder):
            raise TransferError(f"{name}: is a link that leads out of {self._folder}")
        try:
            return path.open("rb")
        except OSError as error:
            raise TransferError(f"{path}: can't be read: {error.strerror}") from None


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open a zip file or a folder.

    Raises:
        TransferError: it is neither, or it can't be read.
    """
    if path.is_dir():
        yield FolderArchive(path)
        return
    try:
        file = zipfile.ZipFile(path)
    except (OSError, EOFError, ValueError, NotImplementedError, struct.error, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TransferError(f"{path}: can't be read as a zip file: {reason}") from None
    with file:
        yield ZipArchive(file, str(path))


def read_json(archive: Archive, name: str, contract: TypeAdapter[ValueT]) -> ValueT:
    """Read a file that is one JSON value.

    Raises:
        TransferError: it is too large, no JSON, or does not fit ``contract``.
    """
    with archive.open(name) as file:
        data = _read(file, FILE_MAX_BYTES + 1, name)
    if len(data) > FILE_MAX_BYTES:
        raise TransferError(f"{name}: has more than {FILE_MAX_BYTES} bytes, which is the limit")
    return checked(contract, data, name)


def lines_of(file: Lines, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield each line that is not blank, with where it is: ``<file>:<line>``.

    Raises:
        TransferError: a line is too long, or the file can't be read.
    """
    number = 0
    while line := _read_line(file, name, number + 1):
        number += 1
        if len(line) > LINE_MAX_BYTES:
            raise TransferError(f"{name}:{number}: has more than {LINE_MAX_BYTES} bytes, which is the limit")
        if line.strip():
            yield f"{name}:{number}", line


def checked(contract: TypeAdapter[ValueT], data: bytes, place: str) -> ValueT:
    """Parse ``data``.

    Raises:
        TransferError: it is no JSON, or does not fit ``contract``; the message names ``place`` and the field.
    """
    try:
        return contract.validate_json(data)
    except ValidationError as error:
        fault = first_fault(error)
        if error.errors(include_url=False)[0]["type"] == "json_invalid":
            raise TransferError(f"{place}: is not valid JSON: {_json_error(data)}") from None
        raise TransferError(f"{place}: {fault}") from None


def _json_error(data: bytes) -> str:
    try:
        json.loads(data)
    except UnicodeDecodeError as error:
        return f"byte {error.start} is not valid UTF-8"
    except json.JSONDecodeError as error:
        return f"{error.msg} (line {error.lineno}, column {error.colno})"
    except RecursionError:
        return "it is nested too deeply"
    return "it has numbers or nesting that are not supported"


def _read(file: IO[bytes], size: int, name: str) -> bytes:
    try:
        return file.read(size)
    except Exception as error:  # noqa: BLE001 - each way to compress has separate exceptions
        raise TransferError(f"{name}: can't be unpacked: {error}") from None


def _read_line(file: Lines, name: str, number: int) -> bytes:
    try:
        return file.readline(LINE_MAX_BYTES + 1)
    except Exception as error:  # noqa: BLE001 - as above
        raise TransferError(f"{name}:{number}: can't be unpacked: {error}") from None


def _check_name(name: str, path: str) -> None:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or ".." in parts or (parts and ":" in parts[0]):
        raise TransferError(f"{path}: names the file {name!r}, which would be outside of the archive")
