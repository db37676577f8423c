"""Faults of the fake engine: each applies to the next request whose path fits."""

import asyncio
import re
from dataclasses import dataclass
from enum import Enum

from starlette.responses import JSONResponse, Response


class Fault(Enum):
    """What goes wrong. ``LOSE_REPLY``: the request is done, and its reply is lost."""

    LOSE_REPLY = "lose reply"
    REFUSE = "refuse"
    HANG = "hang"


@dataclass(slots=True)
class Planned:
    """A fault for the next ``times`` requests whose method and path match ``pattern``."""

    fault: Fault
    pattern: str
    status: int = 500
    message: str = ""
    times: int = 1


class Faults:
    """The faults that are planned."""

    def __init__(self) -> None:
        self._planned: list[Planned] = []
        self.hanging = asyncio.Event()
        """Set once a request hangs."""

    def plan(self, planned: Planned) -> None:
        """Let the next requests that fit fail."""
        self._planned.append(planned)

    def clear(self) -> None:
        """Forget all faults."""
        self._planned.clear()

    def take(self, request: str) -> Planned | None:
        """Return the fault for a request, such as ``POST /containers/create``."""
        for planned in self._planned:
            if re.search(planned.pattern, request):
                planned.times -= 1
                if not planned.times:
                    self._planned.remove(planned)
                return planned
        return None


def error(status: int, message: str) -> Response:
    """An error reply of the engine."""
    return JSONResponse({"message": message}, status)
