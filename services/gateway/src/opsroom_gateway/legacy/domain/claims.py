"""The names and ids that a frame claims, in whatever form: a client could show any of them as the sender."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from opsroom_contracts.text import NameRuleError, clean_name

_NAMES: Final = frozenset(
    {"name", "username", "nickname", "nick", "displayname", "fullname", "firstname", "login", "user"}
    | {"author", "sender", "from"}
)
_IDS: Final = frozenset({"id", "userid", "uid", "authorid", "senderid"})


class _Kind(Enum):
    """What a value is shown as."""

    NAME = "name"
    ID = "id"
    OTHER = "other"


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with repeated keys: which of their values a client shows depends on the client."""


@dataclass(slots=True)
class Claims:
    """What a frame claims. ``unclear``: one of its names is not a clean name, or a list."""

    texts: set[str] = field(default_factory=set)
    unclear: bool = False


def claims_in(data: str | bytes) -> Claims:
    """Return what a frame claims; nothing if it is not JSON in UTF-8."""
    claims = Claims()
    try:
        text = data.decode() if isinstance(data, bytes) else data
        stack: list[tuple[Any, _Kind]] = [(json.loads(text, object_pairs_hook=_Pairs), _Kind.OTHER)]
    except (ValueError, RecursionError):
        return claims
    while stack:
        value, kind = stack.pop()
        if isinstance(value, _Pairs):
            stack += [(inside, _kind_of(key)) for key, inside in value]
        elif isinstance(value, list):
            stack += [(inside, kind) for inside in value]
            if kind is not _Kind.OTHER:
                claims.unclear = True
                claims.texts.update(_joined(value))
        elif kind is not _Kind.OTHER:
            _add(claims, _shown(value), kind)
    return claims


def _kind_of(key: str) -> _Kind:
    plain = "".join(char for char in key.casefold() if char.isalnum())
    if plain in _NAMES:
        return _Kind.NAME
    return _Kind.ID if plain in _IDS else _Kind.OTHER


def _add(claims: Claims, text: str, kind: _Kind) -> None:
    if not text.strip():
        return
    claims.texts.add(text)
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
