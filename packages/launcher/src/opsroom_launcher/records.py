"""The portals of a home that run at this moment, as their records say."""

import os
from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from opsroom_launcher.home import Home
from opsroom_launcher.running import Running, is_held


def running_in(home: Home) -> list[Running]:
    """The portals that run, the one that was started last first."""
    adapter = TypeAdapter(Running)
    found: list[tuple[int, Running]] = []
    for file in home.running.glob("*.json"):
        with suppress(OSError, ValidationError), file.open("rb") as record:
            if is_held(record):
                found.append((os.fstat(record.fileno()).st_mtime_ns, adapter.validate_json(record.read())))
    return [portal for _, portal in sorted(found, key=lambda one: one[0], reverse=True)]
