"""Facts of the machine, without which figures mean nothing."""

import os
import platform
import subprocess
import sysconfig
from datetime import UTC, datetime
from pathlib import Path

BUSY_LOAD = 0.3
"""Above this load average per core before the start, figures are noise."""


def facts() -> dict[str, str | int | float]:
    """Return the machine, the versions and the revision."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": _output_of("git", "rev-parse", "--short", "HEAD"),
        "cores": os.cpu_count() or 0,
        "cpu": _cpu(),
        "python": platform.python_version(),
        "nats-server": _output_of(
            str(Path(sysconfig.get_path("scripts")) / "nats-server"), "--version"
        ).rpartition(" ")[2],
        "load": round(os.getloadavg()[0], 2),
    }


def is_busy(load: float) -> bool:
    """Whether the machine was busy."""
    return load / (os.cpu_count() or 1) > BUSY_LOAD


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _output_of(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
