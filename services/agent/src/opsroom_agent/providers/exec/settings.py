"""Settings of the provider that runs a program."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from opsroom_contracts.agents.records import AgentCapability
from opsroom_runtime.settings import Settings


class ExecSettings(Settings):
    """Part of the agent's settings.

    ``exec_program``: the program. ``exec_capabilities``: what it can do beside apply, observe and list.
    ``exec_environment``: names of the agent's variables that it may see, beside ``PATH``, ``HOME``, ``LANG``
    and ``TZ``. ``exec_apply_seconds``: how long one run for an operation may take, ``exec_look_seconds``: one
    that only looks. ``exec_concurrency``: how many runs of each of these two sorts there may be at once.
    """

    exec_program: Path | None = None
    exec_capabilities: tuple[AgentCapability, ...] = ()
    exec_environment: tuple[str, ...] = ()
    exec_apply_seconds: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    exec_look_seconds: Annotated[float, Field(gt=0, le=60)] = 4.0
    exec_concurrency: Annotated[int, Field(ge=1, le=1000)] = 8
