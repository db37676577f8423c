"""What was measured on: facts that a figure means nothing without."""

import os
import platform
import subprocess
import sysconfig
from datetime import UTC, datetime
from pathlib import Path

BUSY_LOAD = 0.3
"""Above this load average per core, before anything was started, figures are noise."""


def facts() -> dict[str, str | int | float]:
    """The machine, the versions and the revision."""
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
    """Whether something else was running."""
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
