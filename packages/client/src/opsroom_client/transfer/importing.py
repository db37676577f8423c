"""Import of records: sent in small requests, each of which may be repeated."""

import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from pydantic import TypeAdapter

from opsroom_client.errors import RequestRejectedError, UnexpectedResponseError, validating_request
from opsroom_client.requests import Call, Requests
from opsroom_client.transfer.contents import Content, Contents
from opsroom_client.transfer.mattermost import MattermostExport
from opsroom_client.transfer.portal_export import PortalExport
from opsroom_client.transfer.reading import Foreign, TransferError, checked, lines_of, opened
from opsroom_client.transfer.records import Record
from opsroom_client.transfer.slack import SlackExport
from opsroom_contracts.chat.files import File
from opsroom_contracts.chat.imports import IMPORT_MAX, ImportReply, MissingFile, SourceMessage
from opsroom_contracts.chat.models import TEXT_MAX
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http_imports import NewImports
from opsroom_contracts.serialization.codec import encode

_BATCH_BYTES: Final = 48 * 1024
"""Less than the limit of a request's body, which is 64 KiB unless the portal's operator changes it."""

_FILE_NAME_MAX: Final = 1024
"""The longest name that the portal reads, in characters; it keeps the beginning and the extension."""


class Reader(Protocol):
    """Reads an export. ``source``: what it is from, if it says so; known once the first record was read.

    ``contents``: those of the files of messages that were read, until somebody forgets them.
    """

    skipped: Counter[str]
    contents: Contents

    @property
    def source(self) -> str | None:
        """The name of the source."""

    def records(self) -> Iterator[Record]:
        """Yield the records."""


@dataclass(slots=True)
class Imported:
    """What an import has stored, and what it left out. The rest was imported before."""

    rooms: int = 0
    members: int = 0
    messages: int = 0
    pins: int = 0
    files: int = 0
    read: int = 0

    def add(self, reply: ImportReply) -> None:
        """Add what one request has stored."""
        self.rooms += reply.rooms
        self.members += reply.members
        self.messages += reply.messages
        self.pins += reply.pins

    skipped: Counter[str] = field(default_factory=Counter)


class _Start(Foreign):
    type: str


_START: Final = TypeAdapter(_Start)


class Imports:
    """Requires the token of an admin."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def store(self, source: str, records: Iterable[Record], owner: str | None = None) -> ImportReply:
        """Store up to :data:`IMPORT_MAX` records. Raises the same as :meth:`Requests.request`."""
        with validating_request():
            body = NewImports(source=source, records=tuple(records), owner=owner)
        return await self._requests.request(Call("POST", "/chat/imports", body=body), ImportReply)

    async def run(
        self, reader: Reader, *, default_source: str, source: str | None = None, owner: str | None = None
    ) -> Imported:
        """Import everything. To continue after an interruption, run it again.

        ``source``: another name than the export has. ``owner``: the user who owns the imported rooms.

        Raises:
            TransferError: the export can't be read.
            OpsroomError: as requests.
        """
        done = Imported(skipped=reader.skipped)
        for batch in batches(reader.records()):
            name = source or reader.source or default_source
            done.read += len(batch)
            await self._store_with_files(_Batch(name, batch, reader.contents, owner), done)
            forget(reader, batch)
        return done

    async def _store_with_files(self, batch: "_Batch", done: Imported) -> None:
        """Store records, and upload the files that the portal says it needs for them."""
        uploaded: set[tuple[str, str, str]] = set()
        while True:
            stored = await self.store(batch.source, batch.records, batch.owner)
            done.add(stored)
            if not stored.missing:
                return
            for missing in stored.missing:
                content = batch.content(missing)
                key = (missing.room, missing.message, f"{missing.place} {content.digest}")
                if key in uploaded:
                    raise TransferError(f"{content.name}: the portal has lost it; import again")
                uploaded.add(key)
                try:
                    await self._upload(batch.source, missing, content)
                except RequestRejectedError as error:
                    if error.code is not ErrorCode.PAYLOAD_TOO_LARGE:
                        raise
                    batch.leave_out(missing)
                    done.skipped["files that are too large"] += 1
                    break  # those behind it have other places now
                done.files += 1

    async def _upload(self, source: str, missing: MissingFile, content: Content) -> None:
        call = Call(
            "POST",
            "/chat/imports/files",
            params={
                "source": source,
                "room": missing.room,
                "message": missing.message,
                "place": missing.place,
                "digest": content.digest,
                "name": content.name[:_FILE_NAME_MAX] or "file",
            },
            content=content.pieces,
            content_type=content.type or "application/octet-stream",
            size=content.size,
        )
        await self._requests.request(call, File)


@dataclass(slots=True)
class _Batch:
    """Records of one request, and the contents of their files."""

    source: str
    records: list[Record]
    contents: Contents
    owner: str | None

    def content(self, missing: MissingFile) -> Content:
        """Return the content that the portal asks for.

        Raises:
            UnexpectedResponseError: there is none.
        """
        found = self.contents.of(missing.room, missing.message)
        if not 0 <= missing.place < len(found):
            raise UnexpectedResponseError("the portal asks for a file that no message has")
        return found[missing.place]

    def leave_out(self, missing: MissingFile) -> None:
        """Name a file in the text of its message, instead of the file itself."""
        found = self.contents.of(missing.room, missing.message)
        content = found.pop(missing.place)
        for number, record in enumerate(self.records):
            if isinstance(record, SourceMessage) and (record.room, record.id) == (
                missing.room,
                missing.message,
            ):
                text = f"{record.text}\n[{content.name}]".strip("\n")[:TEXT_MAX]
                files = tuple(one.digest for one in found)
                self.records[number] = record.model_copy(update={"text": text, "files": files})


def forget(reader: Reader, records: Iterable[Record]) -> None:
    """Forget the contents of messages that are stored, or that nobody wants to store."""
    for record in records:
        if isinstance(record, SourceMessage):
            reader.contents.forget(record.room, record.id)


def batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Yield records in groups that fit into one request."""
    batch: list[Record] = []
    size = 0
    for record in records:
        added = len(encode(record)) + 1
        if batch and (len(batch) >= IMPORT_MAX or size + added > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += added
    if batch:
        yield batch


@contextmanager
def read_export(path: Path, accounts: Mapping[str, str]) -> Iterator[Reader]:
    """Open an export. ``accounts``: ids of users here, by ids or names in the export.

    Raises:
        TransferError: it can't be read, or is of none of the formats.
    """
    match format_of(path):
        case "slack":
            with opened(path) as archive:
                yield SlackExport(archive, accounts)
        case "mattermost":
            yield MattermostExport(path, accounts)
        case _:
            yield PortalExport(path, accounts)


def format_of(path: Path) -> str:
    """Return the format of an export, by its files or its first line.

    Raises:
        TransferError: it can't be read, or is of none of the formats.
    """
    if path.is_dir() or zipfile.is_zipfile(path):
        with opened(path) as archive:
            names = archive.names()
        is_slack = any(name.rpartition("/")[2] == "channels.json" for name in names)
        return "slack" if is_slack else "mattermost"
    try:
        file = path.open("rb")
    except OSError as error:
        raise TransferError(f"{path}: can't be read: {error.strerror}") from None
    with file:
        for place, line in lines_of(file, path.name):
            match checked(_START, line, place).type:
                case "export":
                    return "opsroom"
                case "version":
                    return "mattermost"
                case _:
                    break
    raise TransferError(f"{path}: is no export of Opsroom, Slack or Mattermost")
