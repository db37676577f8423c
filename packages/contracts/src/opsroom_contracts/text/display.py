"""Truncated and escaped text, for limited fields, terminals and logs."""

from typing import Final

import regex

from opsroom_contracts.text.unicode import category

_GRAPHEME: Final = regex.compile(r"\X")


def clip(text: str, limit: int) -> str:
    """Truncate ``text`` to at most ``limit`` characters, to fit a field of a contract.

    It is cut between graphemes, so no emoji or accented letter is cut in two, unless one alone is too long.
    """
    if len(text) <= limit:
        return text
    end = 0
    for grapheme in _GRAPHEME.finditer(text[: limit + 1]):
        end = grapheme.start()
    return text[: end or limit]


def visible(text: str) -> str:
    """Escape ``text`` to one line that can't control a terminal or forge log lines.

    Control, bidirectional, line-breaking and unpaired surrogate characters become escapes such as ``\\x1b``.
    """
    if text.isprintable():
        return text
    return "".join(char if _harmless(char) else char.encode("unicode_escape").decode() for char in text)


def _harmless(char: str) -> bool:
    # Emoji and many scripts need joiners and variation selectors, which are harmless.
    return char.isprintable() or char in "\u200c\u200d" or category(char) in {"Zs", "Cn", "Co"}
