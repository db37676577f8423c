"""The provider that runs a program, built from the settings."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from opsroom_agent.context import ProviderContext
from opsroom_agent.journal import Journal
from opsroom_agent.operations import Operations
from opsroom_agent.program import Program, RunLimits
from opsroom_agent.providers.exec.looks import Looks
from opsroom_agent.providers.exec.provider import ExecProvider
from opsroom_agent.providers.exec.templates import read_templates
from opsroom_agent.providers.exec.work import ProgramWork
from opsroom_runtime.errors import SettingsError

_ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ")


@asynccontextmanager
async def exec_provider(
    context: ProviderContext, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[ExecProvider]:
    """Build the provider. ``environ``: our variables, of which the program sees few.

    Raises:
        SettingsError: there is no program that can be run, or the template file can't be used.
    """
    settings, portal = context.settings, context.settings.portal
    names = (*_ENVIRONMENT, *settings.exec_environment)
    visible = {name: environ[name] for name in names if name in environ}
    program = Program(_program(settings.exec_program), visible)
    templates = read_templates(settings.templates)
    looks = Looks(
        program, portal=portal, limits=RunLimits(settings.exec_look_seconds, settings.exec_concurrency)
    )
    work = ProgramWork(
        program,
        looks,
        {name: template.settings for name, template in templates.templates.items()},
        limits=RunLimits(settings.exec_apply_seconds, settings.exec_concurrency),
        check=context.check,
    )
    journal = Journal(None if settings.state_dir is None else settings.state_dir / "operations")
    yield ExecProvider(
        program,
        Operations(work, journal),
        looks,
        portal=portal,
        capabilities=settings.exec_capabilities,
        templates=templates.views(),
    )


def _program(path: Path | None) -> Path:
    if path is None:
        raise SettingsError("AGENT_EXEC_PROGRAM is missing: the path of the program")
    if not path.is_file() or not os.access(path, os.X_OK):
        raise SettingsError(f"AGENT_EXEC_PROGRAM={str(path)!r}: is not a file that can be run")
    return path.absolute()
