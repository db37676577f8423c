"""Readers of the arguments that commands of the chat share. They refuse what is not valid."""

import re
from collections.abc import Collection
from typing import Final

from opsroom_contracts.cloud.instances import LABELS_MAX
from opsroom_contracts.incidents.commands import NOTE_MAX, SERVERS_MAX, Targets
from opsroom_contracts.incidents.words import BLANKS, Reason, Word, Words, refuse

LABEL: Final = "label:"
"""What a word begins with that selects servers, or gives a new one a label."""
_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_LABEL_KEY: Final = re.compile(r"[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?")
_LABEL_VALUE_MAX: Final = 63


def matching(word: Word, pattern: re.Pattern[str], field: str, message: str) -> str:
    """Return the text of a word that matches ``pattern`` as a whole."""
    if pattern.fullmatch(word.text) is None:
        refuse(word.start, Reason.INVALID, field, message)
    return word.text


def reference(word: Word, field: str) -> str:
    """Return the name or the id that a word is."""
    message = "must be a name or an id: letters, digits, hyphens and underscores"
    return matching(word, _REFERENCE, field, message)


def read_targets(words: Words, until: Collection[str] = ()) -> Targets | None:
    """Read servers up to the end, or up to a word of ``until``."""
    names: dict[str, None] = {}
    labels: list[tuple[str, str]] = []
    while (word := words.peek()) is not None and word.text not in until:
        words.take()
        if word.text.startswith(LABEL):
            labels.extend(read_labels(word, labels))
        else:
            names[reference(word, "servers")] = None
        if names and labels:
            message = "name servers, or select them by label; both together is not possible"
            refuse(word.start, Reason.MIXED, "servers", message)
        if len(names) > SERVERS_MAX:
            refuse(word.start, Reason.LIMIT, "servers", f"one command is for {SERVERS_MAX} servers at most")
    if labels:
        return Targets(selector=",".join(f"{key}={value}" for key, value in labels))
    return Targets(tuple(names)) if names else None


def required_targets(words: Words, until: Collection[str] = ()) -> Targets:
    """Read servers, which must be there, up to the end, or up to a word of ``until``."""
    targets = read_targets(words, until)
    if targets is None:
        message = "name servers, or select them with label:KEY=VALUE"
        refuse(words.start, Reason.MISSING, "servers", message)
    return targets


def read_labels(word: Word, before: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the labels of ``label:env=prod,role=web``; ``before``: those of the words before it."""
    found: list[tuple[str, str]] = []
    for condition in word.text.removeprefix(LABEL).split(","):
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


def read_text(words: Words, field: str, longest: int) -> str:
    """Read the rest of the text."""
    start, text = words.start, words.rest()
    if not text:
        refuse(start, Reason.MISSING, field, f"the {field} is missing")
    if len(text) > longest:
        refuse(start, Reason.LIMIT, field, f"has {len(text)} characters; {longest} are allowed")
    return text


def read_note(words: Words, field: str) -> str | None:
    """Read the rest of the text, if there is any."""
    return read_text(words, field, NOTE_MAX) if words.more else None
