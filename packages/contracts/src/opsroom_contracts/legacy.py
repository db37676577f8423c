"""What the frozen course contract puts on the wire; see ``docs/course-contract.md``."""

from enum import StrEnum
from typing import Literal

from opsroom_contracts.commands import Command, EventType
from opsroom_contracts.model import Model

CONNECTION_GREETING = '"connection"'
"""What a socket of the dashboard is sent on open: a JSON string."""
SSE_MESSAGE = "message"
"""The one SSE event name of the dashboard."""

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


class ChatFrameType(StrEnum):
    """The frame types that mean something to the server."""

    SEND = "send"
    EXIT = "exit"


class CourseAction(StrEnum):
    """What a dashboard may ask of an instance."""

    START = "start"
    STOP = "stop"


class LegacyUser(Model):
    """A person in the user list."""

    id: str
    name: str


class CourseRegistered(Model):
    """The answer to ``POST /new-user``."""

    status: Literal["ok"] = "ok"
    user: LegacyUser


class CourseChatError(Model):
    """An error of the chat."""

    status: Literal["error"] = "error"
    message: str


class CourseOutgoing(Model):
    """How a message of ``/api/v1`` reaches course clients."""

    type: Literal["send"] = "send"
    message: str
    user: LegacyUser


class CourseStatus(Model):
    """The dashboard's yes."""

    status: Literal["OK"] = "OK"


class CourseCloudError(Model):
    """The dashboard's no."""

    message: str


class CourseInstance(Model):
    """An instance in the dashboard's list."""

    id: str
    state: str
    timestamp: str


class CourseInstanceState(Model):
    """An instance in an answer over the dashboard's socket."""

    id: str
    state: str


class CourseCloudEvent(Model):
    """The data of a dashboard event; both spellings of the timestamp, since clients read one or the other."""

    type: Literal["received", "created", "started", "stopped", "removed"]
    id: str
    state: str
    info: str
    timestamp: str
    time_stamp: str
