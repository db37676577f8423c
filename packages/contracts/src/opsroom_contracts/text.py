"""Rules for text that people type, shared by those who check it and those who show it."""

import unicodedata

NAME_MAX = 32
"""The longest name, in characters after folding."""


class NameRuleError(ValueError):
    """A name that can't be used; the message says why, in words for the one who typed it."""


_FORBIDDEN = {"Cc": "control", "Cf": "invisible or direction-changing", "Cs": "broken", "Zl": "line-breaking",
              "Zp": "line-breaking", "Cn": "unassigned", "Co": "private-use"}  # fmt: skip
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f") | {
    chr(code)
    for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))  # variation selectors
}


def clean_name(raw: str) -> str:
    """Bring a typed name into the form in which it is stored: NFKC, trimmed, 1 to 32 characters.

    Raises:
        NameRuleError: empty, too long, or with control, zero-width or bidi characters.
    """
    name = unicodedata.normalize("NFKC", raw).strip()
    if not name:
        raise NameRuleError("The name must not be empty.")
    if len(name) > NAME_MAX:
        raise NameRuleError(f"The name has {len(name)} characters, the limit is {NAME_MAX}.")
    for char in name:
        kind = "invisible" if char in _BLANK else _FORBIDDEN.get(unicodedata.category(char))
        if kind is not None:
            raise NameRuleError(f"The name must not contain {kind} characters (U+{ord(char):04X}).")
    if all(unicodedata.category(char).startswith("M") for char in name):
        raise NameRuleError("The name must contain at least one visible character.")
    return name


def visible(text: str) -> str:
    """``text`` as one line that can't act on a terminal or forge a line of a log.

    Control, direction-changing, line-breaking and broken characters become escapes such as ``\\x1b``.
    """
    if text.isprintable():
        return text
    return "".join(char if _harmless(char) else char.encode("unicode_escape").decode() for char in text)


def _harmless(char: str) -> bool:
    # Joiners and variation selectors belong to emoji and to many scripts, and do no harm.
    return char.isprintable() or char in "\u200c\u200d" or unicodedata.category(char) in {"Zs", "Cn", "Co"}


def fold_name(name: str) -> str:
    """The form in which two names are compared: equal means that only one person may have it.

    Unicode's compatibility caseless match: taken apart before each folding, since what is composed may
    fold otherwise than its parts.
    """
    folded = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", folded).casefold())
