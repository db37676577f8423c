"""How many processes of each service `up` runs."""

import argparse
import os
import sys
from dataclasses import dataclass, fields

MAX_REPLICAS = 32
AUTO = "auto"
"""One process for each usable core."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """Processes of each service, 1 to ``MAX_REPLICAS``. Several gateways share the one port."""

    chat: int = 1
    cloud: int = 1
    gateway: int = 1
    incidents: int = 1

    @property
    def can_share(self) -> bool:
        """Whether the services ``TOGETHER`` can share a process: none of them has several."""
        return self.chat == self.cloud == self.incidents == 1


ONE_EACH = Replicas()
TOGETHER = ("chat", "cloud", "incidents")
"""The services that share one process on small machines."""


def read_replicas(text: str) -> Replicas:
    """Parse ``chat=2,gateway=auto``. A service that is not named has one process.

    Raises:
        argparse.ArgumentTypeError: an unknown service, one named twice, a number out of its limits, or
            several gateways where the system can't share a port among them.
    """
    asked: dict[str, int] = {}
    for part in text.split(","):
        service, _, number = part.strip().partition("=")
        if service not in _SERVICES or service in asked:
            raise argparse.ArgumentTypeError(
                f"must name each of {', '.join(_SERVICES)} once at most, as in chat=2,cloud=2, not {text!r}"
            )
        asked[service] = _number(service, number)
    if asked.get("gateway", 1) > 1 and sys.platform != "linux":
        raise argparse.ArgumentTypeError("gateway: several share a port on Linux only")
    return Replicas(**asked)


def _number(service: str, text: str) -> int:
    if text == AUTO:
        return _cores()
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_REPLICAS):
        raise argparse.ArgumentTypeError(f"{service} must be 1 to {MAX_REPLICAS}, or {AUTO}, not {text!r}")
    return int(text)


def _cores() -> int:
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(MAX_REPLICAS, usable)


_SERVICES = tuple(field.name for field in fields(Replicas))
