"""List the running portals by their records."""

import os
from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from opsroom_launcher.install.install_layout import InstallLayout
from opsroom_launcher.selection.run_record import RunRecord, is_locked


def list_running(layout: InstallLayout) -> list[RunRecord]:
    """Return the running portals, the last started first."""
    adapter = TypeAdapter(RunRecord)
    found: list[tuple[int, RunRecord]] = []
    for file in layout.run_dir.glob("*.json"):
        with suppress(OSError, ValidationError), file.open("rb") as record:
            if is_locked(record):
                found.append((os.fstat(record.fileno()).st_mtime_ns, adapter.validate_json(record.read())))
    return [portal for _, portal in sorted(found, key=lambda one: one[0], reverse=True)]
