"""Models of files in messages: what a message shows of a file, the record of a file, and its requests.

The bytes are in a separate store (:mod:`opsroom_messaging.files`), in chunks or as objects. The
record of a file is in the stream of messages, so that it changes in one atomic batch with its message.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from opsroom_contracts.serialization.model import Identifier, Model, RoomName
from opsroom_contracts.serialization.versions import StoredContract
from opsroom_contracts.text.file_names import FILE_NAME_MAX

FILES_MAX: Final = 10
"""The maximum number of files of one message."""
PENDING_SECONDS: Final = 3600
"""How long a file is kept that no message refers to."""
IMAGE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
"""The types that a browser shows in place. All other files are downloads."""
IMAGE_SIDE_MAX: Final = 16_384
IMAGE_PIXELS_MAX: Final = 64_000_000
"""An image with a longer side, or with more pixels, is a download: to show it takes too much memory."""

FileName = Annotated[str, Field(min_length=1, max_length=FILE_NAME_MAX)]
RawFileName = Annotated[str, Field(max_length=1024)]
"""A file's name as the client has it; the chat service makes it safe."""
MediaType = Annotated[str, Field(max_length=100, pattern=r"^[a-z0-9]+/[a-z0-9][a-z0-9.+-]*$")]
FileSize = Annotated[int, Field(ge=0, le=2**40)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256, in hexadecimal digits."""
Side = Annotated[int, Field(ge=1, le=IMAGE_SIDE_MAX)]


class File(Model):
    """A file of a message, at ``/api/v1/chat/files/<id>``. ``size`` in bytes.

    ``type``: found out from the content. ``width`` and ``height``: of images that are shown in place, in
    pixels; other files don't have them.
    """

    id: Identifier
    name: FileName
    type: MediaType
    size: FileSize
    width: Side | None = None
    height: Side | None = None


FileIds = Annotated[tuple[Identifier, ...], Field(max_length=FILES_MAX)]
Files = Annotated[tuple[File, ...], Field(max_length=FILES_MAX)]


class FileState(StrEnum):
    """Where a file is in its life. Only in the first two states does its record expire."""

    UPLOADING = "uploading"
    READY = "ready"
    """Complete, and only its uploader sees it."""
    SENT = "sent"
    """A message refers to it; who may read the room may read the file."""
    REMOVED = "removed"
    """Its message was removed, and its bytes are being deleted."""


class FileRecord(Model):
    """The record of a file, on ``chat.files.<id>``: the newest one counts.

    It is stored with a time to live until a message refers to it. Bytes without a record are garbage.

    ``attempt``: names the bytes; a repeated upload stores its own. ``message_id``: the message that refers to
    it.
    """

    version: Literal[1] = 1
    id: Identifier
    room: RoomName
    user_id: Identifier
    name: FileName
    state: FileState
    attempt: Identifier
    file: File | None = None
    digest: Digest | None = None
    message_id: Identifier | None = None


class BeginFileRequest(Model):
    """Begin to upload a file to a room. ``id`` follows from the client's idempotency key, if there is one.

    ``attempt``: a new id, which names the bytes.
    """

    user_id: Identifier
    id: Identifier
    attempt: Identifier
    room: RoomName
    name: RawFileName


class BeginFileReply(Model):
    """The upload may begin. ``file``: there is no need to, it is complete."""

    file: File | None = None


class FinishFileRequest(Model):
    """The bytes of ``attempt`` are stored. ``type``: from the content."""

    user_id: Identifier
    id: Identifier
    attempt: Identifier
    type: MediaType
    size: FileSize
    digest: Digest
    width: Side | None = None
    height: Side | None = None


class FinishFileReply(Model):
    """The file. If another attempt was faster, it is the other one's."""

    file: File


class CancelFileRequest(Model):
    """Delete the bytes of an attempt that will not be finished, and the record if it is of this attempt."""

    id: Identifier
    attempt: Identifier


class CancelFileReply(Model):
    """The bytes are deleted."""


class FileRequest(Model):
    """Find a file that ``user_id`` may read."""

    id: Identifier
    user_id: Identifier | None = None


class FileReply(Model):
    """A file that may be read, and where its bytes are."""

    file: File
    attempt: Identifier
    digest: Digest


FILE_RECORD = StoredContract(FileRecord)
