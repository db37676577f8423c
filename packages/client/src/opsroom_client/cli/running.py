"""What every command has around its work: a client, an event loop, and exit codes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click

from opsroom_client.client import DEFAULT_URL, Opsroom
from opsroom_client.errors import OpsroomError, RefusedError, UnreachableError
from opsroom_contracts.text import visible

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3

PATIENCE_SECONDS = 5.0
"""For a person at a terminal; programs that use the client wait longer."""


@dataclass(frozen=True, slots=True)
class Server:
    """The server that a command is about."""

    url: str = DEFAULT_URL
    token: str | None = None

    def client(self) -> Opsroom:
        """A client of it."""
        try:
            return Opsroom(self.url, token=self.token, patience=PATIENCE_SECONDS)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--url") from None


def read_token(file: Path | None, given: str | None) -> str | None:
    """The token in ``file``, else the one in the environment."""
    if file is None:
        return given
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"can't be read: {error}", param_hint="--token-file") from None


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
        _fail(str(error) + " (is it running? another address: --url or OPSROOM_URL)", EXIT_UNREACHABLE)
    except RefusedError as error:
        _fail(f"{error} ({error.code.value})", EXIT_REFUSED)
    except OpsroomError as error:
        _fail(str(error), EXIT_REFUSED)


def _fail(reason: str, code: int) -> NoReturn:
    click.echo(f"opsroom: {visible(reason)}", err=True)
    raise click.exceptions.Exit(code)
