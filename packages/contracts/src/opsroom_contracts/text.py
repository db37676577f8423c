"""Rules for user-entered text: name validation, name comparison, safe output, truncation."""

import re
import unicodedata

NAME_MAX = 32
"""The maximum length of a name, in characters after normalization."""


class NameRuleError(ValueError):
    """A name is not allowed; the message explains why to the user who typed it."""


_FORBIDDEN = {"Cc": "control", "Cf": "invisible or direction-changing", "Cs": "broken", "Zl": "line-breaking",
              "Zp": "line-breaking", "Cn": "unassigned", "Co": "private-use"}  # fmt: skip
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f") | {
    chr(code)
    for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))  # variation selectors
}


_SPACES = re.compile(" {2,}")
_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "GEORGIAN", "LISU"})
"""Scripts with letters that look alike: the first word of their letters' Unicode names."""
_LOOKALIKES = str.maketrans(
    "авекмнорстухіѕјԁһԛԝӏαβεηικμνορτυχζ",
    "abekmhopctyxisjdhqwlabehikmnoptyxz",
)
"""Maps Cyrillic and Greek letters to Latin letters that look the same in upper or lower case."""


def clean_name(raw: str) -> str:
    """Normalize and validate a name: NFKC, trimmed, without repeated spaces, 1 to 32 characters.

    Raises:
        NameRuleError: the name is empty, too long, mixes scripts in one word, or contains control,
            zero-width or bidirectional characters.
    """
    name = _SPACES.sub(" ", unicodedata.normalize("NFKC", raw).strip())
    if not name:
        raise NameRuleError("The name must not be empty.")
    if len(name) > NAME_MAX:
        raise NameRuleError(f"The name has {len(name)} characters, the limit is {NAME_MAX}.")
    for char in name:
        kind = "invisible" if char in _BLANK else _FORBIDDEN.get(unicodedata.category(char))
        if kind is not None:
            raise NameRuleError(f"The name must not contain {kind} characters (U+{ord(char):04X}).")
    _refuse_mixed_scripts(name)
    if all(unicodedata.category(char).startswith("M") for char in name):
        raise NameRuleError("The name must contain at least one visible character.")
    return name


def visible_name(raw: str) -> str:
    """Return what a reader sees if ``raw`` is shown as a name: no invisible characters or repeated spaces.

    A clean name is returned unchanged. Compare the result of any other text to a name with
    :func:`fold_name`: it may mix scripts, be empty or too long.
    """
    if raw.isascii() and raw.isprintable():
        return _SPACES.sub(" ", raw.strip())
    normal = unicodedata.normalize("NFKC", raw)
    seen = "".join(
        char if unicodedata.category(char) not in _FORBIDDEN else " " if char.isspace() else ""
        for char in normal
        if char not in _BLANK
    )
    return _SPACES.sub(" ", seen.strip())


def clip(text: str, limit: int) -> str:
    """Truncate ``text`` to at most ``limit`` characters, to fit a field of a contract."""
    return text[:limit]


def visible(text: str) -> str:
    """Escape ``text`` to one line that can't control a terminal or forge log lines.

    Control, bidirectional, line-breaking and unpaired surrogate characters become escapes such as ``\\x1b``.
    """
    if text.isprintable():
        return text
    return "".join(char if _harmless(char) else char.encode("unicode_escape").decode() for char in text)


def _harmless(char: str) -> bool:
    # Emoji and many scripts need joiners and variation selectors, which are harmless.
    return char.isprintable() or char in "\u200c\u200d" or unicodedata.category(char) in {"Zs", "Cn", "Co"}


def _refuse_mixed_scripts(name: str) -> None:
    """Reject a word with letters of several scripts: no language needs it, but impersonators use it.

    Raises:
        NameRuleError: the name has such a word.
    """
    scripts: set[str] = set()
    for char in name:
        if not unicodedata.category(char).startswith(("L", "M")):
            scripts.clear()
            continue
        script = unicodedata.name(char, "").partition(" ")[0]
        if script in _SCRIPTS:
            scripts.add(script)
        if len(scripts) > 1:
            mixed = " and ".join(sorted(one.capitalize() for one in scripts))
            raise NameRuleError(f"The name must not mix {mixed} letters in one word.")


def fold_name(name: str) -> str:
    """Return the comparison form of a name. Names with the same form can't be held by two users.

    Names that look alike in different scripts have the same form, too.

    This is Unicode's compatibility caseless match. The text is decomposed before each case folding, because
    composed characters may fold differently from their parts.
    """
    folded = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize(
        "NFKC", unicodedata.normalize("NFKD", folded).casefold().translate(_LOOKALIKES)
    )
