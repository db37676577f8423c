"""What the API of Hetzner Cloud replies, as far as we use it."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class ApiModel(BaseModel):
    """Base class of replies. The API adds fields at any time."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ServerStatus(StrEnum):
    """The status of a server that we know by name; the API may have further ones."""

    RUNNING = "running"
    INITIALIZING = "initializing"
    STARTING = "starting"
    STOPPING = "stopping"
    OFF = "off"
    REBUILDING = "rebuilding"
    MIGRATING = "migrating"
    DELETING = "deleting"
    UNKNOWN = "unknown"


class ActionError(ApiModel):
    """Why an action failed."""

    code: str
    message: str


class Action(ApiModel):
    """Work in progress. ``status``: running, success or error. ``progress``: in percent."""

    id: int
    command: str
    status: str
    progress: int = 0
    error: ActionError | None = None


class Address(ApiModel):
    """An address; of IPv6 it is a network."""

    ip: str


class PublicNet(ApiModel):
    """The public addresses of a server."""

    ipv4: Address | None = None
    ipv6: Address | None = None


class Server(ApiModel):
    """A server. ``status`` is a :class:`ServerStatus`, or one that is newer than this code."""

    id: int
    name: str
    status: str
    labels: dict[str, str] = Field(default_factory=dict)
    public_net: PublicNet = PublicNet()
    private_net: tuple[Address, ...] = ()
    server_type: dict[str, object] = Field(default_factory=dict)


class Pagination(ApiModel):
    """Which page it is, and which is the next."""

    next_page: int | None = None


class Meta(ApiModel):
    """About a reply."""

    pagination: Pagination = Pagination()


class ServerReply(ApiModel):
    """One server."""

    server: Server


class ServersReply(ApiModel):
    """A page of servers."""

    servers: tuple[Server, ...]
    meta: Meta = Meta()


class CreatedReply(ApiModel):
    """A server that has been created, and the work that makes it exist and, if wished, start."""

    server: Server
    action: Action
    next_actions: tuple[Action, ...] = ()


class ActionReply(ApiModel):
    """One action."""

    action: Action


class ActionsReply(ApiModel):
    """A page of actions."""

    actions: tuple[Action, ...]


class ErrorBody(ApiModel):
    """Why a request was refused. ``code`` is stable."""

    code: str
    message: str


class ErrorReply(ApiModel):
    """A refusal."""

    error: ErrorBody
