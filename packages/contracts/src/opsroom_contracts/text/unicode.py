"""Properties and forms of characters, from ``unicodedata2`` and ``regex`` instead of the interpreter.

Python 3.11 has Unicode 14 and Python 3.14 has Unicode 16, so two replicas could disagree about a name.
"""

from functools import cache
from importlib.resources import files
from typing import Final

import regex
import unicodedata2

_INVISIBLE: Final = (
    r"[\p{Default_Ignorable_Code_Point}\p{Cc}[\p{Cf}--\p{Prepended_Concatenation_Mark}]"
    r"\u2800\uFFFC\U00013441\U00013442\U0001D159]"
)
"""Characters that draw nothing: ignorable and control characters, and those of format but for a few signs.

The others are symbols and letters by category, but empty: Braille's blank pattern, the object replacement
character, the hieroglyphs' blanks and music's null notehead.
"""
_BLANK: Final = regex.compile(rf"[\p{{White_Space}}{_INVISIBLE}]*", regex.V1)
_BLANK_RUN: Final = regex.compile(r"\p{White_Space}+")
_INVISIBLE_ONE: Final = regex.compile(_INVISIBLE, regex.V1)
_NEVER_SHOWN: Final = r"\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Cs}\p{Cn}\p{Co}\u2800\U0001D159"
_UNSEEN: Final = regex.compile(rf"[{_NEVER_SHOWN}{_INVISIBLE}--\p{{White_Space}}]+", regex.V1)
_UNSEEN_BEFORE: Final = regex.compile(rf"[{_NEVER_SHOWN}--\p{{White_Space}}]+", regex.V1)
"""The same in the first release. Never change it: digests of the result are stored."""

CaseTable = dict[int, str]
"""Maps code points to sequences, for ``str.translate``."""


def category(char: str) -> str:
    """Return the general category, such as ``Lu``."""
    found: str = unicodedata2.category(char)
    return found


def nfc(text: str) -> str:
    """Return the canonical composition."""
    return _normalized("NFC", text)


def nfd(text: str) -> str:
    """Return the canonical decomposition."""
    return _normalized("NFD", text)


def nfkc(text: str) -> str:
    """Return the compatibility composition."""
    return _normalized("NFKC", text)


def nfkd(text: str) -> str:
    """Return the compatibility decomposition."""
    return _normalized("NFKD", text)


def _normalized(form: str, text: str) -> str:
    normal: str = unicodedata2.normalize(form, text)  # the library has no types
    return normal


def is_blank(text: str) -> bool:
    """Return whether a reader sees nothing of ``text``: only spaces and invisible characters."""
    return _BLANK.fullmatch(text) is not None


def is_invisible(char: str) -> bool:
    """Return whether ``char`` draws nothing and is no white space."""
    return _INVISIBLE_ONE.fullmatch(char) is not None


def single_spaces(text: str) -> str:
    """Return ``text`` without surrounding white space, and with one space for each run of it."""
    return _BLANK_RUN.sub(" ", text).strip(" ")


def seen(text: str) -> str:
    """Return what a reader sees of ``text`` on one line: no invisible characters and no repeated spaces."""
    if text.isascii() and text.isprintable():
        return single_spaces(text)
    return single_spaces(_UNSEEN.sub("", text))


def seen_before(text: str) -> str:
    """Return what the first release took for the result of :func:`seen`."""
    if text.isascii() and text.isprintable():
        return single_spaces(text)
    return single_spaces(_UNSEEN_BEFORE.sub("", text))


def folded(text: str) -> str:
    """Return the full case folding, as ``str.casefold`` does with the data of the newest Python."""
    return text.casefold() if text.isascii() else text.translate(_tables()["fold"])


def capital(text: str) -> str:
    """Return the full mapping to upper case."""
    return text.upper() if text.isascii() else text.translate(_tables()["capital"])


def skeleton(text: str) -> str:
    """Return the skeleton of UTS 39: texts with the same skeleton look alike. It is not to be shown.

    ``text`` must have no default-ignorable characters (:func:`seen`).
    """
    return nfd(nfd(text).translate(_tables()["lookalike"]))


@cache
def _tables() -> dict[str, CaseTable]:
    """Read the tables; about 10 ms, at the first name that is compared."""
    tables: dict[str, CaseTable] = {}
    source = files("opsroom_contracts.text").joinpath("unicode_tables.txt").read_text(encoding="ascii")
    current: CaseTable = {}
    for line in source.splitlines():
        if line.startswith("["):
            current = tables[line.strip("[]")] = {}
        elif not line.startswith("#"):
            char, *target = (int(code, 16) for code in line.split())
            current[char] = "".join(map(chr, target))
    return tables
