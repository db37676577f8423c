"""The grammar of lines that a user types into the chat: text, or a command such as ``/help``.

These are the commands that the program does itself. What it doesn't know may be a command of the portal:
:mod:`opsroom_contracts.incidents.grammar`.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

SLASH = "/"

ContextT = TypeVar("ContextT")


@dataclass(frozen=True, slots=True)
class SlashCommand(Generic[ContextT]):
    """A command. ``parameters``: what may follow its name, for the help.

    ``run`` gets the rest of the line, and returns whether the chat goes on.
    """

    name: str
    summary: str
    run: Callable[[ContextT, str], Awaitable[bool]]
    parameters: str = ""


Registry = Mapping[str, SlashCommand[ContextT]]
"""The commands by name."""


def registry(commands: Iterable[SlashCommand[ContextT]]) -> Registry[ContextT]:
    """Index ``commands`` by name.

    Raises:
        ValueError: two have the same name, or a name can't be typed.
    """
    found: dict[str, SlashCommand[ContextT]] = {}
    for command in commands:
        if command.name in found or not command.name.isalnum() or not command.name.islower():
            raise ValueError(f"/{command.name}: names are unique, in lower-case letters and digits")
        found[command.name] = command
    return found


@dataclass(frozen=True, slots=True)
class Text:
    """A message to send."""

    text: str


@dataclass(frozen=True, slots=True)
class Invocation(Generic[ContextT]):
    """A command to run with ``argument``, the rest of the line."""

    command: SlashCommand[ContextT]
    argument: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that is none of these commands."""

    name: str


def parse(line: str, commands: Registry[ContextT]) -> Text | Invocation[ContextT] | Unknown:
    """Parse one line. ``//`` at its beginning stands for ``/`` in a message; several lines are a message."""
    if not line.startswith(SLASH) or "\n" in line:
        return Text(line)
    if line.startswith(SLASH * 2):
        return Text(line[1:])
    name, _, argument = line[1:].partition(" ")
    command = commands.get(name.strip().lower())
    return Unknown(name.strip()) if command is None else Invocation(command, argument.strip())


def help_lines(commands: Registry[ContextT]) -> Iterator[str]:
    """One line for each command, and how to send text that begins with a slash."""
    rows = [(f"/{one.name} {one.parameters}".rstrip(), one.summary) for one in commands.values()]
    rows.append(("//text", "send text that begins with a slash"))
    width = max(len(usage) for usage, _ in rows)
    for usage, summary in rows:
        yield f"{usage:<{width}}  {summary}"
