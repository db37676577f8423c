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


_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "GEORGIAN", "LISU"})
"""Scripts with letters that look like those of another: how Unicode's names of their letters begin."""
_LOOKALIKES = str.maketrans(
    "авекмнорстухіѕјԁһԛԝӏαβεηικμνορτυχζ",
    "abekmhopctyxisjdhqwlabehikmnoptyxz",
)
"""Letters of Cyrillic and Greek, in either case, for the Latin ones that look like them in that case."""


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
    _refuse_mixed_scripts(name)
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


def _refuse_mixed_scripts(name: str) -> None:
    """Refuse a word in letters of more than one script: no language writes so, but impostors do.

    Raises:
        NameRuleError: there is such a word.
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
    """The form in which two names are compared: equal means that only one person may have it.

    Names that look alike in letters of different scripts are equal too.

    Unicode's compatibility caseless match: taken apart before each folding, since what is composed may
    fold otherwise than its parts.
    """
    folded = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize(
        "NFKC", unicodedata.normalize("NFKD", folded).casefold().translate(_LOOKALIKES)
    )
