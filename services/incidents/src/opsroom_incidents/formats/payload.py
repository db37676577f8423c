"""Reading of JSON whose form its sender decides: what has another type than expected counts as missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from pydantic_core import from_json

JsonObject = Mapping[str, object]

_LIST_MAX: Final = 1000
"""Longer lists are cut: no card shows more."""


class FormatError(ValueError):
    """A body does not have the form of its format.

    Attributes:
        field: the path of the invalid field; empty if the body as a whole is invalid.
        reason: what is wrong, as a message for the sender.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Received:
    """A request to a hook: its body, and the headers of interest by their lower-case names.

    ``key``: that of the query.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None

    def header(self, name: str) -> str:
        """Return a header, or an empty text."""
        return self.headers.get(name, "")


def parse_object(data: bytes | str) -> JsonObject:
    """Parse a JSON object.

    Raises:
        FormatError: it is none, or is nested deeper than about 200 levels.
    """
    try:
        found: object = from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise FormatError("", f"the body is not JSON: {str(error)[:200]}") from None
    if not isinstance(found, dict):
        raise FormatError("", "the body must be a JSON object")
    return found


def obj(value: object) -> JsonObject:
    """Return an object; an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def items(value: object, limit: int = _LIST_MAX) -> list[object]:
    """Return the first values of a list; none for any other value."""
    return value[:limit] if isinstance(value, list) else []


def objects(value: object, limit: int = _LIST_MAX) -> list[JsonObject]:
    """Return the first objects of a list."""
    return [one for one in items(value, limit) if isinstance(one, dict)]


def text(value: object) -> str:
    """Return a text, or a number or truth value as text; an empty text for any other value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else ""
    return str(value) if isinstance(value, str | float) else ""


def at(value: object, *path: str) -> object:
    """Return what is at a path of names; None if something of it is missing."""
    for name in path:
        value = obj(value).get(name)
    return value


def text_at(value: object, *path: str) -> str:
    """Return the text at a path of names."""
    return text(at(value, *path))


def moment(value: object) -> datetime | None:
    """Return a point in time; None for what is none, or is before 1970: senders write zero as a date."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        found = datetime.fromisoformat(_whole_microseconds(value))
    except ValueError:
        return None
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return found if found.year >= 1970 else None


def _whole_microseconds(value: str) -> str:
    """Cut the nanoseconds that Go writes, which Python 3.11 does not read."""
    before, dot, after = value.partition(".")
    digits = len(after) - len(after.lstrip("0123456789"))
    return f"{before}{dot}{after[: min(digits, 6)]}{after[digits:]}" if dot else value
