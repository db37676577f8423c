"""Files of imported messages: uploaded by an admin before the message, and named by what they belong to."""

import hashlib
from typing import Annotated

from pydantic import Field

from opsroom_contracts.audit import Requester
from opsroom_contracts.chat.files import FILES_MAX, Digest, RawFileName
from opsroom_contracts.chat.imports import SourceId, SourceName
from opsroom_contracts.serialization.model import Identifier, Model

FilePlace = Annotated[int, Field(ge=0, le=FILES_MAX - 1)]
"""The place of a file among those of its message, from 0."""


class ImportedFile(Model):
    """A file of a message that is imported after it. ``digest``: that of its content."""

    source: SourceName
    room: SourceId
    message: SourceId
    place: FilePlace
    digest: Digest


class BeginImportedFileRequest(Model):
    """Begin to upload a file of a room that was imported before. ``attempt``: as for other files."""

    file: ImportedFile
    name: RawFileName
    attempt: Identifier
    by: Requester


def importer_of(by: Requester) -> str:
    """Return the owner of what an admin uploads for an import; no user has this id."""
    caller = by.name if by.identity is None else by.identity
    return f"importer-{_digest(caller)}"


def imported_file_id(importer: str, file: ImportedFile) -> str:
    """Return the id of a file: the same one each time, so that an import can be repeated."""
    return _digest(importer, file.source, file.room, file.message, str(file.place), file.digest)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(("imported-file", *parts)).encode()).hexdigest()[:32]
