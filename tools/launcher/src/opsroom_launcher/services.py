"""Chat, cloud and incidents in one process, for small machines: ``python -m opsroom_launcher.services``.

Each is the same service as in its own process, with its own connection and user at the broker. Together they
load the interpreter and the libraries once (decision 0079).
"""

import os
from collections.abc import Mapping
from typing import ClassVar

from opsroom_chat.program import chat_program
from opsroom_cloud.program import cloud_program
from opsroom_incidents.program import incidents_program
from opsroom_messaging.program import environ_of, run_programs
from opsroom_runtime.admin_server import AdminSettings
from opsroom_runtime.process import run_several
from opsroom_runtime.spans import Tracer

_PROGRAMS = {"chat": chat_program, "cloud": cloud_program, "incidents": incidents_program}


class TogetherSettings(AdminSettings):
    """The address of the admin server for all: ``SERVICES_ADMIN_HOST`` and ``SERVICES_ADMIN_PORT``."""

    prefix: ClassVar[str] = "SERVICES_"


async def main(tracers: Mapping[str, Tracer]) -> None:
    """Run the services until the process is asked to stop."""
    admin = TogetherSettings.from_environment(os.environ)
    programs = [program(environ_of(name, os.environ)) for name, program in _PROGRAMS.items()]
    await run_programs(programs, tracers, admin)


if __name__ == "__main__":
    run_several("services", tuple(_PROGRAMS), main)
