"""Finding who a text mentions. Pure, and linear in the length of the text."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from opsroom_contracts.chat.models import MENTIONED_MAX
from opsroom_contracts.text import NAME_MAX

_SIGNS_MAX = 20
"""Later signs of a text mention nobody."""
_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_MENTION: Final = re.compile(r"(?<![\w@])@(?=[^\W_])([^\s@`]{1,32}(?: [^\s@`]{1,32}){0,2})")
_AFTER_NAME = ".,;:!?)]}'\"*_~"
"""What may follow a name without a space."""
EVERYBODY = frozenset({"room", "all", "everybody"})
HERE = "here"


@dataclass(frozen=True, slots=True)
class Mentioned:
    """Who a text mentions.

    Attributes:
        users: ids, in the order of the text.
        everybody: ``@room``, ``@all`` or ``@everybody``.
        here: ``@here``.
    """

    users: tuple[str, ...] = ()
    everybody: bool = False
    here: bool = False


def mentioned(text: str, find: Callable[[str], str | None]) -> Mentioned:
    """Find mentions, except in code. ``find`` returns the id of the person with a name, if there is one.

    A name may have spaces: of several that fit, the longest one counts.
    """
    if "@" not in text:
        return Mentioned()
    users: dict[str, None] = {}
    everybody = here = False
    for number, match in enumerate(_MENTION.finditer(_CODE.sub(" ", text))):
        if number >= _SIGNS_MAX or len(users) >= MENTIONED_MAX:
            break
        for name in _names(match[1]):
            found = find(name)
            if found is not None:
                users[found] = None
                break
            everybody, here = everybody or name in EVERYBODY, here or name == HERE
    return Mentioned(tuple(users), everybody, here)


def _names(words: str) -> Iterator[str]:
    """Iterate over what may be the name, the longest first."""
    while words:
        if len(words) <= NAME_MAX:
            yield words
        bare = words.rstrip(_AFTER_NAME)
        if bare != words and bare and len(bare) <= NAME_MAX:
            yield bare
        words = words.rpartition(" ")[0]
