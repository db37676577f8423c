"""Which names are allowed, and the form in which a name is kept and shown."""

from typing import Final

import regex

from opsroom_contracts.text.unicode import category, is_blank, is_invisible, nfc

NAME_MAX: Final = 32
"""The maximum length of a name, in code points of its composed form."""

_AROUND: Final = regex.compile(r"^\p{White_Space}+|\p{White_Space}+$")
_SPACES: Final = regex.compile(r"\p{Zs}+")
_FORBIDDEN: Final = {
    "Cc": "control",
    "Cf": "invisible or direction-changing",
    "Cs": "broken",
    "Zl": "line-breaking",
    "Zp": "line-breaking",
    "Cn": "unassigned",
    "Co": "private-use",
}
_GRAPHEME: Final = regex.compile(r"\X")
_PICTOGRAM: Final = r"\p{Extended_Pictographic}(?:[\uFE0E\uFE0F]|\p{Emoji_Modifier})?"
_MEANINGFUL: Final = regex.compile(
    "|".join(
        (
            r"[0-9#*]\uFE0F?\u20E3",  # keycaps
            r"\U0001F3F4[\U000E0030-\U000E0039\U000E0061-\U000E007A]{3,6}\U000E007F",  # flags of regions
            rf"{_PICTOGRAM}(?:\u200D{_PICTOGRAM})*",
            r"\p{Unified_Ideograph}[\uFE00-\uFE02\U000E0100-\U000E01EF]",  # variants of Han characters
            r"(?<=\p{Canonical_Combining_Class=Virama})[\u200C\u200D]",  # RFC 5892, A.1 and A.2
            r"(?<=\p{Script=Arabic}\p{M}*)\u200C(?=\p{Script=Arabic})",
        )
    )
)
"""Sequences in which an invisible character has a meaning: emoji, Han variants, joiners of scripts."""
_WORD: Final = regex.compile(r"[\p{L}\p{M}]+")
_SCRIPTS: Final = {
    name: regex.compile(rf"\p{{Script={name}}}")
    for name in ("Armenian", "Cherokee", "Coptic", "Cyrillic", "Georgian", "Greek", "Latin", "Lisu")
}
"""Scripts with letters that look alike."""


class NameRuleError(ValueError):
    """A name is not allowed; the message explains why to the user who typed it."""


def clean_name(raw: str, limit: int = NAME_MAX) -> str:
    """Validate a name and return it as typed, composed (NFC) and with single spaces.

    It has at most ``limit`` code points.

    Raises:
        NameRuleError: the name is empty, too long, mixes scripts in one word, has no visible character, or
            has control, direction-changing or invisible characters that are not part of an emoji or a word.
    """
    name = _SPACES.sub(" ", _AROUND.sub("", nfc(raw)))
    if not name:
        raise NameRuleError("The name must not be empty.")
    if len(name) > limit:
        raise NameRuleError(_too_long(name, limit))
    if name.isascii() and name.isprintable():
        return name
    _refuse_hidden_characters(name)
    _refuse_mixed_scripts(name)
    if is_blank(name) or all(category(char).startswith("M") for char in name):
        raise NameRuleError("The name must contain at least one visible character.")
    return name


def _too_long(name: str, most: int) -> str:
    limit = f"the limit is {most}"
    if sum(1 for _ in _GRAPHEME.finditer(name)) == len(name):
        return f"The name has {len(name)} characters, {limit}."
    return f"The name has {len(name)} code points, {limit}. One emoji or accented letter can have several."


def _refuse_hidden_characters(name: str) -> None:
    """Reject characters that a reader does not see, unless they have a meaning where they are.

    Raises:
        NameRuleError: the name has such a character.
    """
    hidden = hidden_character(name)
    if hidden is not None:
        raise NameRuleError(f"The name must not contain {hidden}.")


def hidden_character(text: str) -> str | None:
    """Return the first character that a reader does not see and that has no meaning where it is, if any.

    It is described by its kind and number: ``control characters (U+0000)``.
    """
    for char in _MEANINGFUL.sub("", text):
        kind = _FORBIDDEN.get(category(char))
        if kind != "control" and is_invisible(char):
            kind = "invisible"
        if kind is not None:
            return f"{kind} characters (U+{ord(char):04X})"
    return None


def _refuse_mixed_scripts(name: str) -> None:
    """Reject a word with letters of several scripts: no language needs it, but impersonators use it.

    Raises:
        NameRuleError: the name has such a word.
    """
    for word in _WORD.findall(name):
        scripts = [script for script, pattern in _SCRIPTS.items() if pattern.search(word)]
        if len(scripts) > 1:
            raise NameRuleError(f"The name must not mix {' and '.join(scripts)} letters in one word.")
