"""What every command has around its work: a client, an event loop, and exit codes."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import click

from opsroom_client.cli.output import remark
from opsroom_client.client import DEFAULT_URL, Opsroom
from opsroom_client.errors import OpsroomError, RefusedError, UnreachableError

EXIT_REFUSED = 1
EXIT_UNREACHABLE = 3

PATIENCE_SECONDS = 5.0
"""For a person at a terminal; programs that use the client wait longer."""
WAIT_PATIENCE_SECONDS = 60.0
"""For what was accepted and is waited for: the server may come back from a restart."""


def _usual() -> str:
    return DEFAULT_URL


@dataclass(frozen=True, slots=True)
class Server:
    """The server that a command is about."""

    url: str | None = None
    token: str | None = None
    find: Callable[[], str] = _usual
    """Finds the server where no option and no variable names one."""

    def client(self, patience: float | None = None) -> Opsroom:
        """A client of it; ``patience``: for how many seconds it may be away."""
        try:
            return Opsroom(self.url or self.find(), token=self.token, patience=patience or PATIENCE_SECONDS)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--url") from None


def read_token(file: Path | None, given: str | None) -> str | None:
    """The token in ``file``, else the one in the environment."""
    if file is None:
        return given
    try:
        # Completion has words as they were typed, which no shell has looked at.
        return file.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"can't be read: {error}", param_hint="--token-file") from None


def chosen_server(context: click.Context) -> Server:
    """The server that options and environment name; also while completing, when no command runs."""
    params = context.find_root().params
    # The token is not an option: whoever lists the processes would read it.
    given = context.find_object(Server) or Server()
    token = read_token(params["token_file"], os.environ.get("OPSROOM_TOKEN") or None)
    return replace(given, url=params["url"], token=token)


def run(server: Server, work: Callable[[Opsroom], Awaitable[None]]) -> None:
    """Do ``work`` with a client of ``server``; errors are one line on stderr and an exit code."""

    async def connected() -> None:
        async with server.client() as opsroom:
            await work(opsroom)

    try:
        asyncio.run(connected())
    except KeyboardInterrupt:
        raise click.exceptions.Exit(130) from None
    except UnreachableError as error:
        _fail(_said(error) + " (is it running? another address: --url or OPSROOM_URL)", EXIT_UNREACHABLE)
    except RefusedError as error:
        _fail(f"{_said(error)} ({error.code.value})", EXIT_REFUSED)
    except OpsroomError as error:
        _fail(_said(error), EXIT_REFUSED)


def _said(error: OpsroomError) -> str:
    return "; ".join((str(error), *getattr(error, "__notes__", ())))


def tell_of_breaks(trouble: OpsroomError | None) -> None:
    """Say that the connection is lost, or, with None, back: what takes long is not to stall in silence."""
    said = "connected again" if trouble is None else f"connection lost, trying again ({trouble})"
    remark(f"opsroom: {said}")


def _fail(reason: str, code: int) -> NoReturn:
    remark(f"opsroom: {reason}")
    raise click.exceptions.Exit(code)
