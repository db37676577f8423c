"""Settings of the course contract."""

from typing import Annotated, ClassVar

from pydantic import Field

from opsroom_contracts.identity import Mode
from opsroom_runtime.settings import Settings


class LegacySettings(Settings):
    """Environment: as for the gateway, with the prefix ``GATEWAY_``. Times in seconds."""

    prefix: ClassVar[str] = "GATEWAY_"

    course: bool | None = None
    """Whether the course contract is served. Default: in ``open`` mode only."""
    course_cloud_envelope: bool = False
    """Return the course dashboard's list as ``{"data": [...]}``, as the old server did."""
    course_binding_seconds: Annotated[float, Field(ge=1, le=600)] = 30.0
    """How long a course registration waits for its socket."""
    course_idle_seconds: Annotated[int, Field(ge=0)] = 3600
    """How long a socket of the course contract may be silent without belonging to a user. 0: no limit."""

    def serves_course(self, mode: Mode) -> bool:
        """Whether the course contract is served by a gateway in ``mode``."""
        return mode is Mode.OPEN if self.course is None else self.course
