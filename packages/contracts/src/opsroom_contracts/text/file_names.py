"""Names of files as people send them: one component of a path, of visible characters."""

from typing import Final

import regex

from opsroom_contracts.text.display import clip
from opsroom_contracts.text.unicode import nfc, seen

FILE_NAME_MAX: Final = 200
"""The maximum length of a file's name, in characters."""
_SUFFIX_MAX: Final = 16
_UNNAMED: Final = "file"
_SEPARATORS: Final = regex.compile(r"[/\\]")
_NOT_IN_NAMES: Final = regex.compile(r'[<>:"|?*]')
"""What Windows does not allow in a name: a browser there would replace it, each in its own way."""


def clean_file_name(text: str) -> str:
    """Return a name under which any system can save the file: never a path, never empty.

    Folders, and control, bidirectional and invisible characters are removed, so that a name shows its real
    suffix (``gnp.exe`` can't be made to look like ``exe.png``). Too long a name keeps its suffix.
    """
    last = _SEPARATORS.split(text)[-1]
    name = seen(_NOT_IN_NAMES.sub("_", nfc(last))).strip(". ")
    if not name:
        return _UNNAMED
    stem, dot, suffix = name.rpartition(".")
    if len(name) <= FILE_NAME_MAX or not dot or not stem or len(suffix) > _SUFFIX_MAX:
        return clip(name, FILE_NAME_MAX).rstrip(". ") or _UNNAMED
    return clip(stem, FILE_NAME_MAX - len(suffix) - 1).rstrip(". ") + dot + suffix
