"""Messages of the frozen course contract; see ``docs/course-contract.md``."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.cloud.commands import Command, EventType
from opsroom_contracts.serialization.model import Model

ACTOR = "course"
"""The actor of commands by clients of the contract, which has no names."""
ROOM = "general"
"""The only room that the contract has."""
RELAYED_FRAME_MAX_BYTES = 64 * 1024
"""The maximum size of a frame relayed for clients of the contract, in bytes."""
REGISTRATION_PREFIX = "reg-"
"""Prefix of the id of a placeholder connection: a registration whose socket is not known yet."""
CONNECTION_GREETING = '"connection"'
"""The first frame on a socket of the dashboard: a JSON string."""
SSE_MESSAGE = "message"
"""The only SSE event name of the dashboard."""

RECEIVED_INFO: dict[Command, str] = {
    Command.CREATE: "Create command",
    Command.START: "Start command",
    Command.STOP: "Stop command",
    Command.REMOVE: "Remove command",
}
DONE_INFO: dict[EventType, str] = {
    EventType.CREATED: "Created",
    EventType.STARTED: "Started",
    EventType.STOPPED: "Stopped",
    EventType.REMOVED: "Removed",
}


class LegacyFrame(Model):
    """A frame of the course contract, stored to be relayed byte for byte.

    ``data``: the frame's text, or its bytes in base64 if ``binary``.
    """

    data: Annotated[str, Field(max_length=RELAYED_FRAME_MAX_BYTES * 2)]
    binary: bool = False


class ChatFrameType(StrEnum):
    """Frame types that the server interprets."""

    SEND = "send"
    EXIT = "exit"


class CourseAction(StrEnum):
    """Commands of a dashboard for an instance."""

    START = "start"
    STOP = "stop"


class LegacyUser(Model):
    """A user in the user list."""

    id: str
    name: str


class CourseRegistered(Model):
    """The response to ``POST /new-user``."""

    status: Literal["ok"] = "ok"
    user: LegacyUser


class CourseChatError(Model):
    """An error response of the chat."""

    status: Literal["error"] = "error"
    message: str


class CourseOutgoing(Model):
    """A message sent through ``/api/v1``, as course clients receive it."""

    type: Literal["send"] = "send"
    message: str
    user: LegacyUser


class CourseStatus(Model):
    """The success response of the dashboard."""

    status: Literal["OK"] = "OK"


class CourseCloudError(Model):
    """The error response of the dashboard."""

    message: str


class CourseInstance(Model):
    """An instance in the dashboard's list."""

    id: str
    state: str
    timestamp: str


class CourseInstanceState(Model):
    """An instance in a reply on the dashboard's socket."""

    id: str
    state: str


class CourseCloudEvent(Model):
    """The data of a dashboard event. The timestamp has two spellings: clients read one or the other."""

    type: Literal["received", "created", "started", "stopped", "removed"]
    id: str
    state: str
    info: str
    timestamp: str
    time_stamp: str
