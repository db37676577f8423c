"""The commands of ``docs/nats.md`` and their documented output, and two ways to run them."""

import asyncio
import os
import re
import shlex
import shutil
from asyncio.subprocess import PIPE, STDOUT
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from opsroom_messaging.client.connection import NatsConnection

ROOT = Path(__file__).parents[2]
RUN_SECONDS = 30.0
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_INLINE = re.compile(r"`(nats (?:micro|kv|stream|consumer) [^`]+)`")
_ID = re.compile(r'"(?:id|instanceId|operationId)":"([0-9a-f-]{32,36}|[rd]-[a-z2-7]{24})"')
_KEY = re.compile(r'"(\w+)": ?')
_FIXED = re.compile(r'"(?:code|type|command|status|field)": ?"[^"…]*"|Nats-Service-Error[\w-]*: \S+')


@dataclass(frozen=True, slots=True)
class Recipe:
    """A command and its documented output, which may be empty."""

    command: str
    printed: str

    @property
    def argv(self) -> list[str]:
        """The command as a list of arguments."""
        return shlex.split(self.command)

    def ids(self) -> list[str]:
        """Return the ids in the documented output, in order."""
        return _ID.findall(self.printed)

    def missing_from(self, output: str) -> set[str]:
        """Return documented field names and constants that are missing from ``output``."""
        promised = set(_KEY.findall(self.printed)) - set(_KEY.findall(output))
        said = {fixed.replace('": ', '":') for fixed in _FIXED.findall(output)}
        return promised | {f for f in _FIXED.findall(self.printed) if f.replace('": ', '":') not in said}


def recipes(page: str) -> list[Recipe]:
    """Every ``nats`` and ``curl`` command of the page, in order; those in the text after those in blocks."""
    found = []
    for block in _BLOCK.findall(page):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            if command.startswith(("nats ", "curl ")):
                found.append(Recipe(command, printed))
    return found + [Recipe(command, "") for command in _INLINE.findall(page)]


def ids_in(output: str) -> list[str]:
    """Return the ids in the output of a command, in order."""
    return _ID.findall(output)


class Shell(Protocol):
    """Runs a command and returns its output. A command that never ends is stopped at its first output."""

    async def run(self, argv: list[str]) -> str: ...


class CommandLine:
    """The real programs."""

    def __init__(self, nats: str, context: Path) -> None:
        self._nats = nats
        self._environ = {**os.environ, "NATS_CONTEXT": str(context), "NO_COLOR": "1"}

    async def run(self, argv: list[str]) -> str:
        program = self._nats if argv[0] == "nats" else argv[0]
        process = await asyncio.create_subprocess_exec(
            program, *argv[1:], env=self._environ, stdout=PIPE, stderr=STDOUT
        )
        assert process.stdout is not None
        endless = argv[:2] == ["nats", "sub"]
        printed = ""
        try:
            async with asyncio.timeout(RUN_SECONDS):
                while chunk := await process.stdout.read(65536):
                    printed += chunk.decode()
                    if endless and "[#1]" in printed and "}" in printed:
                        process.terminate()
                        endless = False
                code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert code == 0 or argv[:2] == ["nats", "sub"], printed
        return printed


class Library:
    """The same requests and publishes through the client library, without what only the command line does."""

    def __init__(self, broker: NatsConnection, context: Path) -> None:
        self._broker = broker
        self._curl = CommandLine("", context)

    async def run(self, argv: list[str]) -> str:
        if argv[0] == "curl":
            return await self._curl.run(argv)
        match argv[1:4]:
            case ["req", subject, payload]:
                reply = await self._broker.client.request(subject, payload.encode(), timeout=RUN_SECONDS)
                headers = "".join(f"{name}: {value}\n" for name, value in (reply.headers or {}).items())
                return headers + reply.data.decode()
            case ["pub", subject, payload]:
                await self._broker.client.publish(subject, payload.encode())
                await self._broker.client.flush()
        return ""


def command_line() -> str | None:
    """Find the ``nats`` program: on PATH, or where CONTRIBUTING says to put it."""
    return shutil.which("nats") or shutil.which(ROOT / ".opsroom" / "tools" / "bin" / "nats")
