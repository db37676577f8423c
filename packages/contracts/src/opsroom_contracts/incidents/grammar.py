"""The grammar of commands in the chat. Pure: text in, a command or a problem out.

A text of one line that begins with a slash is a command. ``//`` at its beginning stands for a slash in a
message. Words are separated by blanks; quotation marks keep blanks inside a word (``label:team="red hats"``).
The page has the same grammar (``frontend/src/text/grammar.ts``); both are tested with the same cases.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, assert_never

from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.instances import LABELS_MAX
from opsroom_contracts.incidents.commands import (
    LOG_LINES,
    LOG_LINES_MAX,
    NOTE_MAX,
    SERVERS_MAX,
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
    ScheduleCommand,
    SearchFor,
    ShowLogs,
    Targets,
    Undo,
)
from opsroom_contracts.incidents.table import CHAT_COMMANDS, ChatCommandSpec
from opsroom_contracts.incidents.words import BLANKS, Problem, Reason, RefusedError, Word, Words, refuse
from opsroom_contracts.search.query import QUERY_MAX

SLASH: Final = "/"
COMMAND_WORD: Final = r"^[a-z][a-z0-9-]{0,31}$"
"""What the name of a command is like, those of bots included."""
_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TEMPLATE: Final = re.compile(r"([a-z0-9][a-z0-9-]{0,31}/)?[a-z0-9][a-z0-9-]{0,62}")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL_KEY: Final = re.compile(r"[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?")
_LABEL_VALUE_MAX: Final = 63
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T)?([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_CRON_FIELD: Final = re.compile(r"[0-9A-Za-z*,/-]{1,32}")
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}")
_LABEL: Final = "label:"
_CRON_FIELDS: Final = 5
_AFTER_SERVERS: Final = frozenset({"at", "cron"})
"""Words that end the servers of ``/schedule``; a server with such a name is given by its id."""
LIFECYCLE: Final = {
    CommandName.START: Command.START,
    CommandName.STOP: Command.STOP,
    CommandName.RESTART: Command.RESTART,
    CommandName.REMOVE: Command.REMOVE,
}
"""The commands that change servers, and what the cloud service calls them."""


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
    """Return the row of a command that the portal can do, by its name in any case."""
    name = word.lower()
    found = CHAT_COMMANDS.get(CommandName(name)) if name in CommandName.__members__.values() else None
    return found if found is not None and found.is_ready else None


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


def _matching(word: Word, pattern: re.Pattern[str], field: str, message: str) -> str:
    if pattern.fullmatch(word.text) is None:
        refuse(word.start, Reason.INVALID, field, message)
    return word.text


def _reference(word: Word, field: str) -> str:
    message = "must be a name or an id: letters, digits, hyphens and underscores"
    return _matching(word, _REFERENCE, field, message)


def _read_targets(words: Words, until: Collection[str] = ()) -> Targets | None:
    """Read servers up to the end, or up to a word of ``until``."""
    names: dict[str, None] = {}
    labels: list[tuple[str, str]] = []
    while (word := words.peek()) is not None and word.text not in until:
        words.take()
        if word.text.startswith(_LABEL):
            labels.extend(_conditions(word, labels))
        else:
            names[_reference(word, "servers")] = None
        if names and labels:
            message = "name servers, or select them by label; both together is not possible"
            refuse(word.start, Reason.MIXED, "servers", message)
        if len(names) > SERVERS_MAX:
            refuse(word.start, Reason.LIMIT, "servers", f"one command is for {SERVERS_MAX} servers at most")
    if labels:
        return Targets(selector=",".join(f"{key}={value}" for key, value in labels))
    return Targets(tuple(names)) if names else None


def _required_targets(words: Words, until: Collection[str] = ()) -> Targets:
    targets = _read_targets(words, until)
    if targets is None:
        message = "name servers, or select them with label:KEY=VALUE"
        refuse(words.start, Reason.MISSING, "servers", message)
    return targets


def _conditions(word: Word, before: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the labels of ``label:env=prod,role=web``; ``before``: those of the words before it."""
    found: list[tuple[str, str]] = []
    for condition in word.text.removeprefix(_LABEL).split(","):
        key, equals, value = (piece.strip(BLANKS) for piece in condition.partition("="))
        is_valid = _LABEL_KEY.fullmatch(key) is not None and len(value) <= _LABEL_VALUE_MAX
        if not equals or not is_valid or not value.isprintable():
            refuse(word.start, Reason.INVALID, "labels", "must be like label:env=prod,role=web")
        if key in {known for known, _ in (*before, *found)}:
            refuse(word.start, Reason.INVALID, "labels", f"the label {key} is there twice")
        found.append((key, value))
    if len(before) + len(found) > LABELS_MAX:
        refuse(word.start, Reason.LIMIT, "labels", f"a server has {LABELS_MAX} labels at most")
    return found


def _read(name: CommandName, words: Words) -> ChatCommand:  # noqa: C901, PLR0911, PLR0912 - a case for each
    match name:
        case CommandName.PS:
            return ListServers(_read_targets(words))
        case CommandName.CREATE:
            return _read_create(words)
        case CommandName.START | CommandName.STOP | CommandName.RESTART | CommandName.REMOVE:
            return ChangeServers(LIFECYCLE[name], _required_targets(words))
        case CommandName.LOGS:
            return _read_logs(words)
        case CommandName.UNDO:
            return Undo(_read_targets(words))
        case CommandName.APPROVE:
            target = _target(words)
            return Approve(target, _read_text(words, "reason", NOTE_MAX) if words.keyword("alone") else None)
        case CommandName.DENY:
            return Deny(_target(words), _read_note(words, "reason"))
        case CommandName.ACK:
            return Acknowledge(_read_note(words, "note"))
        case CommandName.INCIDENT:
            return OpenIncident(_read_text(words, "title", TITLE_MAX) if words.more else None)
        case CommandName.SCHEDULE:
            return _read_schedule(words)
        case CommandName.SEARCH:
            return SearchFor(_read_text(words, "query", QUERY_MAX))
        case CommandName.HELP:
            about = words.take()
            return Help(None if about is None else about.text.removeprefix(SLASH).lower())
        case _:
            assert_never(name)


def _target(words: Words) -> str:
    return _reference(words.required("target", "name a server, or give the id of an operation"), "target")


def _read_text(words: Words, field: str, longest: int) -> str:
    """Read the rest of the text."""
    start, text = words.start, words.rest()
    if not text:
        refuse(start, Reason.MISSING, field, f"the {field} is missing")
    if len(text) > longest:
        refuse(start, Reason.LIMIT, field, f"has {len(text)} characters; {longest} are allowed")
    return text


def _read_note(words: Words, field: str) -> str | None:
    return _read_text(words, field, NOTE_MAX) if words.more else None


def _read_create(words: Words) -> CreateServer:
    template: str | None = None
    name: str | None = None
    labels: list[tuple[str, str]] = []
    start = False
    while (word := words.peek()) is not None:
        if name is None and words.keyword("as"):
            message = "must be 1 to 63 of a-z, 0-9 and hyphens, with no hyphen at either end"
            name = _matching(words.required("name", "name the server"), _NAME, "name", message)
        elif not start and words.keyword("started"):
            start = True
        elif word.text.startswith(_LABEL):
            words.take()
            labels.extend(_conditions(word, labels))
        elif template is None and name is None and not labels and not start:
            words.take()
            template = _matching(word, _TEMPLATE, "template", "must be the name of a template")
        else:
            break
    return CreateServer(template, name, tuple(labels), start)


def _read_logs(words: Words) -> ShowLogs:
    server = _reference(words.required("server", "name a server"), "server")
    word = words.take()
    if word is None:
        return ShowLogs(server, LOG_LINES)
    message = f"must be a number from 1 to {LOG_LINES_MAX}"
    lines = int(_matching(word, _NUMBER, "lines", message))
    if not 1 <= lines <= LOG_LINES_MAX:
        refuse(word.start, Reason.LIMIT, "lines", message)
    return ShowLogs(server, lines)


def _read_schedule(words: Words) -> ScheduleCommand:
    choice = ", ".join(LIFECYCLE)
    word = words.required("action", f"name what to do: {choice}")
    command = next((found for name, found in LIFECYCLE.items() if name == word.text.lower()), None)
    if command is None:
        refuse(word.start, Reason.INVALID, "action", f"must be one of: {choice}")
    targets = _required_targets(words, _AFTER_SERVERS)
    if words.keyword("at"):
        time = words.required("at", "give a time, such as 19:00")
        at = _matching(time, _TIME, "at", "must be like 19:00 or 2026-11-30T19:00")
        return ScheduleCommand(command, targets, at=at, zone=_read_zone(words))
    if words.keyword("cron"):
        cron = " ".join(_cron_field(words) for _ in range(_CRON_FIELDS))
        return ScheduleCommand(command, targets, cron=cron, zone=_read_zone(words))
    return refuse(words.start, Reason.MISSING, "at", "say when: at 19:00, or cron and five fields")


def _cron_field(words: Words) -> str:
    message = "needs five fields: minute, hour, day, month and weekday"
    return _matching(words.required("cron", message), _CRON_FIELD, "cron", message)


def _read_zone(words: Words) -> str | None:
    word = words.take()
    return None if word is None else _matching(word, _ZONE, "zone", "must be like Europe/Berlin")
