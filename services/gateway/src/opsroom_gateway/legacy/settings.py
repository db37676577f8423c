"""Settings of the course contract."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from opsroom_contracts.identity import Mode
from opsroom_runtime.settings import Settings


def _two_ports(ports: tuple[int, ...]) -> tuple[int, ...]:
    if ports and (len(ports) != 2 or (ports[0] == ports[1] != 0)):
        raise ValueError("must be two ports, of the chat and of the dashboard, such as 3000,3001")
    return ports


Ports = Annotated[tuple[Annotated[int, Field(ge=0, le=65_535)], ...], AfterValidator(_two_ports)]


class LegacySettings(Settings):
    """Environment: as for the gateway, with the prefix ``GATEWAY_``. Times in seconds."""

    prefix: ClassVar[str] = "GATEWAY_"

    course: bool | None = None
    """Whether the course contract is served. Default: in ``open`` mode only."""
    course_cloud_envelope: bool = False
    """Return the list at ``/cloud`` as ``{"data": [...]}``, as ``/dashboard`` always does."""
    course_ports: Ports = ()
    """Two more ports, of the course's chat and dashboard, each without a path prefix. Default: none."""
    course_binding_seconds: Annotated[float, Field(ge=1, le=600)] = 30.0
    """How long a course registration waits for its socket."""
    course_idle_seconds: Annotated[int, Field(ge=0)] = 3600
    """How long a socket of the course contract may be silent without belonging to a user. 0: no limit."""

    def serves_course(self, mode: Mode) -> bool:
        """Whether the course contract is served by a gateway in ``mode``."""
        return mode is Mode.OPEN if self.course is None else self.course
