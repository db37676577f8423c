"""The names and ids that a frame claims, in whatever form: a client could show any of them as the sender."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from opsroom_contracts.text import NameRuleError, clean_name, is_blank

_NAMES: Final = frozenset(
    {"name", "username", "nickname", "nick", "displayname", "fullname", "firstname", "login", "user"}
    | {"author", "sender", "from"}
)
_IDS: Final = frozenset({"id", "userid", "uid", "authorid", "senderid"})


_TEXTS_MAX: Final = 100
_LENGTH_MAX: Final = 256
"""Of a text that is not ASCII: it can have invisible characters, which take time to remove."""
_KEY_MAX: Final = 32
_CONTAINERS_MAX: Final = 2048


class _Kind(Enum):
    """What a value is shown as."""

    NAME = "name"
    ID = "id"
    OTHER = "other"


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with repeated keys: which of their values a client shows depends on the client."""


@dataclass(slots=True)
class Claims:
    """What a frame claims. ``unclear``: one of its names is not a clean name, or a list.

    ``excessive``: there are too many names, or they are too long, to compare them all. Then ``texts`` is not
    complete: a frame must not cost the gateway more time than it takes to send.
    """

    texts: set[str] = field(default_factory=set)
    unclear: bool = False
    excessive: bool = False


def claims_in(data: str | bytes) -> Claims:
    """Return what a frame claims; nothing if it is not JSON in UTF-8."""
    claims = Claims()
    try:
        text = data.decode() if isinstance(data, bytes) else data
        stack: list[tuple[Any, _Kind]] = [(json.loads(text, object_pairs_hook=_Pairs), _Kind.OTHER)]
    except (ValueError, RecursionError):
        return claims
    containers = 0
    while stack and not claims.excessive:
        value, kind = stack.pop()
        if not isinstance(value, list):
            _add(claims, _shown(value), kind)
            continue
        containers += 1
        if isinstance(value, _Pairs):
            stack += [(inside, _kind_of(key)) for key, inside in value]
        elif kind is _Kind.OTHER:
            stack += [(inside, kind) for inside in value if isinstance(inside, list)]
        else:
            claims.unclear = True
            stack += [(inside, kind) for inside in value]
            for joined in _joined(value):
                _add(claims, joined, kind)
        claims.excessive |= containers > _CONTAINERS_MAX
    return claims


def _kind_of(key: str) -> _Kind:
    if len(key) > _KEY_MAX:
        return _Kind.OTHER
    plain = key.casefold()  # the known keys are ASCII, so any Python gives the same
    if not plain.isalnum():
        plain = "".join(char for char in plain if char.isalnum())
    if plain in _NAMES:
        return _Kind.NAME
    return _Kind.ID if plain in _IDS else _Kind.OTHER


def _add(claims: Claims, text: str, kind: _Kind) -> None:
    if kind is _Kind.OTHER or is_blank(text):
        return
    claims.texts.add(text)
    claims.excessive |= len(claims.texts) > _TEXTS_MAX or (len(text) > _LENGTH_MAX and not text.isascii())
    if kind is _Kind.ID and text.isascii() and text.isprintable():
        return
    try:
        clean_name(text)
    except NameRuleError:
        claims.unclear = True


def _joined(values: list[Any]) -> Iterator[str]:
    """The texts as which a page shows a list: its elements with commas, or one after another."""
    texts = [_shown(value) for value in values if not isinstance(value, list)]
    yield ",".join(texts)
    yield "".join(texts)


def _shown(value: object) -> str:
    """Return the text as which JavaScript shows a value; empty for what is not a name."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return str(value) if isinstance(value, int) else ""
