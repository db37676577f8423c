"""Parser of frames from course clients, in all the shapes that such clients are known to send."""

import re
from dataclasses import dataclass
from typing import Any

from opsroom_contracts.chat.models import TEXT_MAX
from opsroom_contracts.legacy import ChatFrameType
from opsroom_contracts.text import clip, is_blank
from opsroom_gateway.domain.json_text import parse_json

_USER_FIELDS = ("user", "author", "sender")
_TEXT_FIELDS = ("message", "msg", "text")
_NAME_FIELDS = ("name", "userName", "username", "nickname")
_NAME_PREFIX = 256
"""How much of a name is used; no name is longer."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
"""The format of our ids; other ids are ignored."""


@dataclass(frozen=True, slots=True)
class NamedUser:
    """The user that a frame names; both parts are optional."""

    user_id: str | None
    name: str | None

    @property
    def is_empty(self) -> bool:
        """Whether the frame names nobody."""
        return self.user_id is None and self.name is None


@dataclass(frozen=True, slots=True)
class CourseFrame:
    """A frame that is a JSON object. ``text``: its readable content, for clients of ``/api/v1``."""

    type: str
    named: NamedUser
    text: str


def read_frame(data: str | bytes) -> CourseFrame | None:
    """Parse a frame, text or binary. Returns None unless it is a JSON object in UTF-8 with a ``type``."""
    try:
        text = data.decode() if isinstance(data, bytes) else data
        value = parse_json(text)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    kind = value.get("type")
    if not isinstance(kind, str):
        return None
    return CourseFrame(kind, _named(value), _text(value, text) if kind == ChatFrameType.SEND else "")


def _named(value: dict[str, Any]) -> NamedUser:
    users = (value.get(field) for field in _USER_FIELDS)
    user = next((found for found in users if found and isinstance(found, dict | str)), None)
    inside: dict[str, Any] = user if isinstance(user, dict) else {}
    if isinstance(inside.get("name"), dict):
        inside = inside["name"]
    name = _first_text(inside, _NAME_FIELDS)
    if name is None:
        name = user if isinstance(user, str) and not is_blank(user) else _first_text(value, _NAME_FIELDS)
    user_id = inside.get("id", value.get("userId"))
    known = isinstance(user_id, str) and _ID.fullmatch(user_id) is not None
    return NamedUser(
        user_id if known else None, None if name is None else clip(_storable(name), _NAME_PREFIX)
    )


def _text(value: dict[str, Any], raw: str) -> str:
    """Return the text of a ``send``, or the frame itself if no known field has one."""
    user = value.get("user")
    for holder in (value, value.get("message"), user):
        if isinstance(holder, dict):
            found = _first_text(holder, _TEXT_FIELDS)
            if found is not None:
                return _shortened(found)
    return _shortened(raw)


def _first_text(value: dict[str, Any], fields: tuple[str, ...]) -> str | None:
    for field in fields:
        found = value.get(field)
        if isinstance(found, str) and not is_blank(found):
            return found
    return None


def _shortened(text: str) -> str:
    """Return ``text`` shortened to the limit of a message."""
    clean = _storable(text)
    return clean if len(clean) <= TEXT_MAX else clip(clean, TEXT_MAX - 1) + "…"


def _storable(text: str) -> str:
    """Return ``text`` without lone surrogates, which JSON can contain but UTF-8 can't."""
    return text.encode("utf-8", "replace").decode()
