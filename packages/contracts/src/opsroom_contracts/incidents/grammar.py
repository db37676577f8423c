"""The grammar of commands in the chat. Pure: text in, a command or a problem out.

A text of one line that begins with a slash is a command. ``//`` at its beginning stands for a slash in a
message. Words are separated by blanks; quotation marks keep blanks inside a word (``label:team="red hats"``).
The page has the same grammar (``frontend/src/text/grammar.ts``); both are tested with the same cases.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, assert_never

from opsroom_contracts.incidents.arguments import (
    LABEL,
    matching,
    read_labels,
    read_note,
    read_targets,
    read_text,
    reference,
    required_targets,
)
from opsroom_contracts.incidents.commands import (
    LOG_LINES,
    LOG_LINES_MAX,
    NOTE_MAX,
    TITLE_MAX,
    Acknowledge,
    Approve,
    ChangeServers,
    ChatCommand,
    CommandName,
    CreateServer,
    Custom,
    Deny,
    Help,
    ListServers,
    OpenIncident,
    SearchFor,
    ShowLogs,
    Undo,
)
from opsroom_contracts.incidents.schedule_arguments import LIFECYCLE, read_schedule
from opsroom_contracts.incidents.table import CHAT_COMMANDS, ChatCommandSpec
from opsroom_contracts.incidents.words import BLANKS, Problem, Reason, RefusedError, Words, refuse
from opsroom_contracts.search.query import QUERY_MAX

SLASH: Final = "/"
COMMAND_WORD: Final = r"^[a-z][a-z0-9-]{0,31}$"
"""What the name of a command is like, those of bots included."""
_TEMPLATE: Final = re.compile(r"([a-z0-9][a-z0-9-]{0,31}/)?[a-z0-9][a-z0-9-]{0,62}")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Text:
    """No command: a message with this text, in which ``//`` at the beginning has become a slash."""

    text: str


Said = Text | Problem | ChatCommand


def parse(text: str, custom: Collection[str] = ()) -> Said:
    """Parse what somebody says. ``custom``: the names of the commands that bots offer here.

    A text of several lines is never a command, so that pasted paths stay text.
    """
    if not is_command(text):
        return Text(text[1:] if text.startswith(SLASH * 2) and _is_one_line(text) else text)
    try:
        return _command(text, custom)
    except RefusedError as refused:
        return refused.problem


def is_command(text: str) -> bool:
    """Return whether ``text`` is meant as a command, a valid one or not."""
    return text.startswith(SLASH) and not text.startswith(SLASH * 2) and _is_one_line(text)


def escaped(text: str) -> str:
    """Return what to send so that ``text`` is stored as it is."""
    return f"{SLASH}{text}" if text.startswith(SLASH) and _is_one_line(text) else text


def _is_one_line(text: str) -> bool:
    return "\n" not in text and "\r" not in text


def word_of(text: str) -> str:
    """Return the name of the command that ``text`` is, in lower case."""
    end = next((at for at, char in enumerate(text) if char in BLANKS), len(text))
    return text[1:end].lower()


def spec_of(word: str) -> ChatCommandSpec | None:
    """Return the row of a command by its name, in any case; None: there is none of this name."""
    name = word.lower()
    return CHAT_COMMANDS.get(CommandName(name)) if name in CommandName.__members__.values() else None


def _command(text: str, custom: Collection[str]) -> ChatCommand:
    word = word_of(text)
    end = next((at for at, char in enumerate(text) if char in BLANKS), len(text))
    words = Words(text, end)
    if word in custom:
        return Custom(word, words.rest())
    spec = spec_of(word)
    if spec is None:
        message = f"there is no command /{text[1:end]}: see /help, or begin with // to send it as text"
        refuse(0, Reason.UNKNOWN, "command", message)
    command = _read(spec.name, words)
    words.finish()
    return command


def _read(name: CommandName, words: Words) -> ChatCommand:  # noqa: C901, PLR0911, PLR0912 - a case for each
    match name:
        case CommandName.PS:
            return ListServers(read_targets(words))
        case CommandName.CREATE:
            return _read_create(words)
        case CommandName.START | CommandName.STOP | CommandName.RESTART | CommandName.REMOVE:
            return ChangeServers(LIFECYCLE[name], required_targets(words))
        case CommandName.LOGS:
            return _read_logs(words)
        case CommandName.UNDO:
            return Undo(read_targets(words))
        case CommandName.APPROVE:
            target = _target(words)
            return Approve(target, read_text(words, "reason", NOTE_MAX) if words.keyword("alone") else None)
        case CommandName.DENY:
            return Deny(_target(words), read_note(words, "reason"))
        case CommandName.ACK:
            return Acknowledge(read_note(words, "note"))
        case CommandName.INCIDENT:
            return OpenIncident(read_text(words, "title", TITLE_MAX) if words.more else None)
        case CommandName.SCHEDULE:
            return read_schedule(words)
        case CommandName.SEARCH:
            return SearchFor(read_text(words, "query", QUERY_MAX))
        case CommandName.HELP:
            about = words.take()
            return Help(None if about is None else about.text.removeprefix(SLASH).lower())
        case _:
            assert_never(name)


def _target(words: Words) -> str:
    return reference(words.required("target", "name a server, or give the id of an operation"), "target")


def _read_create(words: Words) -> CreateServer:
    template: str | None = None
    name: str | None = None
    labels: list[tuple[str, str]] = []
    start = False
    while (word := words.peek()) is not None:
        if name is None and words.keyword("as"):
            message = "must be 1 to 63 of a-z, 0-9 and hyphens, with no hyphen at either end"
            name = matching(words.required("name", "name the server"), _NAME, "name", message)
        elif not start and words.keyword("started"):
            start = True
        elif word.text.startswith(LABEL):
            words.take()
            labels.extend(read_labels(word, labels))
        elif template is None and name is None and not labels and not start:
            words.take()
            template = matching(word, _TEMPLATE, "template", "must be the name of a template")
        else:
            break
    return CreateServer(template, name, tuple(labels), start)


def _read_logs(words: Words) -> ShowLogs:
    server = reference(words.required("server", "name a server"), "server")
    word = words.take()
    if word is None:
        return ShowLogs(server, LOG_LINES)
    message = f"must be a number from 1 to {LOG_LINES_MAX}"
    lines = int(matching(word, _NUMBER, "lines", message))
    if not 1 <= lines <= LOG_LINES_MAX:
        refuse(word.start, Reason.LIMIT, "lines", message)
    return ShowLogs(server, lines)
