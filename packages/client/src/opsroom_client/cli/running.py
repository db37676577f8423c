"""Running a command: the client, the event loop and exit codes."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn, TypeVar

import click

from opsroom_client.cli.output import print_note
from opsroom_client.client import DEFAULT_URL, Opsroom
from opsroom_client.errors import OpsroomError, RequestRejectedError, UnreachableError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130
"""The exit codes, as docs/client.md documents them for every command."""

ResultT = TypeVar("ResultT")

TIMEOUT_SECONDS = 5.0
"""For a user at a terminal; the client's default is longer."""
WAIT_TIMEOUT_SECONDS = 60.0
"""While waiting for an accepted command: long enough for a server restart."""


def _default_url() -> str:
    return DEFAULT_URL


def _no_token(_url: str | None) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Server:
    """The server and token of a command."""

    url: str | None = None
    token: str | None = None
    find: Callable[[], str] = _default_url
    """Returns the URL if neither an option nor a variable gives one."""
    find_admin_token: Callable[[str | None], str | None] = _no_token
    """Returns the token of the admin of the server at a URL (None: the default), if it runs on this machine
    and this user may read the token. That of one server must not be sent to another."""

    def client(self, timeout: float | None = None) -> Opsroom:
        """A client; ``timeout``: for how many seconds to retry while the server is unreachable."""
        try:
            return Opsroom(self.url or self.find(), token=self.token, timeout=timeout or TIMEOUT_SECONDS)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--url") from None


def as_admin(server: Server) -> Server:
    """Return ``server`` for a command of admins: without a token of the user, with that of this machine."""
    return server if server.token else replace(server, token=server.find_admin_token(server.url))


def read_token(file: Path | None, given: str | None) -> str | None:
    """The token in ``file``, or ``given`` without a file."""
    if file is None:
        return given
    try:
        # During completion, the shell has not expanded a "~".
        return file.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"can't be read: {error}", param_hint="--token-file") from None


def chosen_server(context: click.Context) -> Server:
    """The server that options and environment select; also during completion, without a command."""
    params = context.find_root().params
    # The token is no option, since other users can see the arguments of a process.
    given = context.find_object(Server) or Server()
    token = read_token(params["token_file"], os.environ.get("OPSROOM_TOKEN") or None)
    return replace(given, url=params["url"], token=token)


def run(server: Server, work: Callable[[Opsroom], Awaitable[ResultT]]) -> ResultT:
    """Run ``work`` with a client of ``server``; errors become one line on stderr and an exit code."""

    async def run_with_client() -> ResultT:
        async with server.client() as opsroom:
            return await work(opsroom)

    try:
        return asyncio.run(run_with_client())
    except KeyboardInterrupt:
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
    except UnreachableError as error:
        fail(
            error_text(error) + " (is it running? set another address with --url or OPSROOM_URL)",
            EXIT_UNREACHABLE,
        )
    except OpsroomError as error:
        fail(error_text(error), EXIT_FAILED)


def error_text(error: OpsroomError) -> str:
    """The message of ``error`` with its notes and its code, on one line."""
    text = "; ".join((str(error), *getattr(error, "__notes__", ())))
    return f"{text} ({error.code.value})" if isinstance(error, RequestRejectedError) else text


def report_connection(error: OpsroomError | None) -> None:
    """Print that the connection is lost or, with None, that it is back."""
    text = "reconnected" if error is None else f"connection lost, reconnecting ({error})"
    print_note(f"opsroom: {text}")


def fail(reason: str, code: int) -> NoReturn:
    """End the command: one line on stderr, and an exit code."""
    print_note(f"opsroom: {reason}")
    raise click.exceptions.Exit(code)
