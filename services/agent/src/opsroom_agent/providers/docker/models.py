"""What this provider reads of the replies of the Engine API; everything else in them is ignored."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal

NEVER = "0001-01-01T00:00:00Z"
"""A time that has not come, such as the end of a container that has not ended."""


class EngineModel(BaseModel):
    """Base class: keys are in PascalCase."""

    model_config = ConfigDict(alias_generator=to_pascal, frozen=True, validate_by_name=True)


ReplyT = TypeVar("ReplyT", bound=BaseModel)


class ContainerState(EngineModel):
    """The state of a container. The times are texts of the engine's clock, only to be compared."""

    status: str
    running: bool
    restarting: bool = False
    oom_killed: bool = Field(default=False, alias="OOMKilled")
    exit_code: int = 0
    error: str = ""
    started_at: str = NEVER
    finished_at: str = NEVER


class ContainerConfig(EngineModel):
    """How a container was created."""

    image: str = ""
    tty: bool = False
    labels: dict[str, str] | None = None
    stop_timeout: int | None = None


class HostConfig(EngineModel):
    """The limits of a container; 0: none."""

    memory: int = 0
    nano_cpus: int = 0


class PortBinding(EngineModel):
    """Where a port of a container is published on the host."""

    host_ip: str = ""
    host_port: str = ""


class Network(EngineModel):
    """The address of a container in one network."""

    ip_address: str = Field(default="", alias="IPAddress")


class NetworkSettings(EngineModel):
    """The ports and addresses of a container."""

    ports: dict[str, list[PortBinding] | None] | None = None
    networks: dict[str, Network | None] | None = None


class Container(EngineModel):
    """A container, as the engine describes it in full."""

    id: str
    name: str
    state: ContainerState
    config: ContainerConfig
    host_config: HostConfig
    network_settings: NetworkSettings

    def label(self, key: str) -> str | None:
        """The value of a label."""
        return (self.config.labels or {}).get(key)


class ContainerSummary(EngineModel):
    """A container in a list."""

    id: str
    names: list[str] | None = None
    image: str = ""
    state: str = ""
    status: str = ""
    labels: dict[str, str] | None = None

    def label(self, key: str) -> str | None:
        """The value of a label."""
        return (self.labels or {}).get(key)

    @property
    def name(self) -> str:
        """The container's name without the leading slash."""
        return (self.names or [self.id])[0].removeprefix("/")


class EventActor(EngineModel):
    """What an event is about."""

    id: str = Field(default="", alias="ID")
    attributes: dict[str, str] | None = None


class EngineEvent(EngineModel):
    """An event of the engine."""

    action: str = ""
    actor: EventActor = Field(default_factory=EventActor)
    time_nano: int = Field(default=0, alias="timeNano")


class LayerProgress(BaseModel):
    """How much of a layer was downloaded, in bytes."""

    current: int = 0
    total: int = 0


class PullMessage(BaseModel):
    """A line of the report about a pull. ``id``: the layer."""

    status: str = ""
    id: str = ""
    progress: LayerProgress | None = Field(default=None, alias="progressDetail")
    error: str | None = None


class CpuUsage(BaseModel):
    """The time that all cores have spent on a container, in nanoseconds."""

    total_usage: int = 0


class CpuStats(BaseModel):
    """The use of processors."""

    cpu_usage: CpuUsage = Field(default_factory=CpuUsage)


class MemoryStats(BaseModel):
    """The use of memory in bytes; ``stats`` differ between the versions of cgroups."""

    usage: int = 0
    stats: dict[str, int] | None = None


class ContainerStats(BaseModel):
    """One sample of the use of resources. ``read``: when, or never if the container does not run."""

    read: str = NEVER
    cpu_stats: CpuStats = Field(default_factory=CpuStats)
    memory_stats: MemoryStats = Field(default_factory=MemoryStats)


class EngineMessage(BaseModel):
    """An error reply."""

    message: str = ""


class Volume(EngineModel):
    """A volume, as far as a claim needs it."""

    name: str
    labels: dict[str, str] | None = None


class VolumeList(EngineModel):
    """The reply to a list of volumes."""

    volumes: tuple[Volume, ...] | None = None
