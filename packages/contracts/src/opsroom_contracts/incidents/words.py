"""The words of a command in the chat, and what is wrong with them."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn

BLANKS: Final = " \t\u00a0\u3000"
"""What separates words."""
_WORD: Final = re.compile(rf'(?:[^{BLANKS}"]|"[^"]*")+')


class Reason(StrEnum):
    """What is wrong with a command, for clients that say it in their user's language."""

    UNKNOWN = "unknown"
    """There is no such command."""
    QUOTE = "quote"
    """A quotation mark isn't closed."""
    MISSING = "missing"
    """An argument is missing."""
    INVALID = "invalid"
    """An argument is not what it should be."""
    EXTRA = "extra"
    """There are more words than the command takes."""
    LIMIT = "limit"
    """There are too many of something, or it is too long."""
    MIXED = "mixed"
    """Servers are given by name and by label."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text is no valid command.

    Attributes:
        position: where, in characters (code points) from the beginning of the text.
        reason: what kind.
        message: what to write instead; in English, without the field.
        field: the argument, or ``command`` for the name.
    """

    position: int
    reason: Reason
    message: str
    field: str


class RefusedError(Exception):
    """A text is no valid command, because of ``problem``."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def refuse(position: int, reason: Reason, field: str, message: str) -> NoReturn:
    """Refuse the command.

    Raises:
        RefusedError: always.
    """
    raise RefusedError(Problem(position, reason, message, field))


@dataclass(frozen=True, slots=True)
class Word:
    """A word without its quotation marks; ``start``: where it begins in the text."""

    text: str
    start: int


class Words:
    """The words after a command's name, which are taken one after another."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._end = len(text.rstrip(BLANKS))
        self._at = start

    @property
    def start(self) -> int:
        """Where the next word begins; the end of the text if there is none."""
        at = self._at
        while at < self._end and self._text[at] in BLANKS:
            at += 1
        return min(at, self._end)

    @property
    def more(self) -> bool:
        """Whether anything is left."""
        return self.start < self._end

    def peek(self) -> Word | None:
        """Return the next word without its quotation marks; None at the end."""
        found = self._match()
        return None if found is None else Word(found[0].replace('"', ""), found.start())

    def take(self) -> Word | None:
        """Return the next word, and move behind it."""
        found = self._match()
        if found is None:
            return None
        self._at = found.end()
        return Word(found[0].replace('"', ""), found.start())

    def required(self, field: str, message: str) -> Word:
        """Return the next word; refuse the command if there is none."""
        word = self.take()
        if word is None:
            refuse(self._end, Reason.MISSING, field, message)
        return word

    def keyword(self, word: str) -> bool:
        """Take the next word if it is ``word``."""
        found = self._match()
        if found is None or found[0].replace('"', "") != word:
            return False
        self._at = found.end()
        return True

    def rest(self) -> str:
        """Take the rest of the text as it is, quotation marks included."""
        text = self._text[self.start : self._end]
        self._at = self._end
        return text

    def finish(self) -> None:
        """Refuse the command if words are left."""
        word = self.peek()
        if word is not None:
            refuse(word.start, Reason.EXTRA, "command", f"{word.text!r} is one word too many")

    def _match(self) -> "re.Match[str] | None":
        start = self.start
        if start >= self._end:
            return None
        found = _WORD.match(self._text, start, self._end)
        end = start if found is None else found.end()
        if end < self._end and self._text[end] == '"':
            refuse(end, Reason.QUOTE, "command", "a quotation mark is not closed")
        return found
