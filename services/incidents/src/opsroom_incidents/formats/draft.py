"""What a sender reports, and the card that follows from it. Everything from outside is cleaned here."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from opsroom_contracts.incidents.cards import (
    ACTIONS_MAX,
    CARD_KEY_MAX,
    CARD_SOURCE_MAX,
    CARD_TEXT_MAX,
    CARD_TITLE_MAX,
    FIELD_NAME_MAX,
    FIELD_VALUE_MAX,
    FIELDS_MAX,
    LABEL_MAX,
    LINK_MAX,
    Card,
    CardAction,
    CardField,
    CardKind,
    CardStatus,
    Link,
    Severity,
)
from opsroom_contracts.text import clip, is_blank

_LINK: Final[TypeAdapter[str]] = TypeAdapter(Link)
_SPACE: Final = re.compile(r"\s+")
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_DIRECTIONS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They could make a text look like another one."""
_SEVERITIES: Final = {
    **dict.fromkeys(("critical", "crit", "page", "error", "high", "fatal", "emergency"), Severity.CRITICAL),
    **dict.fromkeys(("warning", "warn", "medium", "major", "minor"), Severity.WARNING),
    **dict.fromkeys(("info", "informational", "notice", "low", "none", "ok"), Severity.INFO),
}
ACKNOWLEDGE: Final = CardAction(label="Acknowledge", command="/ack")
OPEN_INCIDENT: Final = CardAction(label="Open incident", command="/incident")
"""The only commands that a card from outside has. Senders add none."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A report of a sender. Texts are as they came; :func:`card_of` makes them valid.

    ``key``: what it is about; without one, each report is a card. ``text``: with our markup. ``fields``:
    names and values. ``links``: labels and addresses of buttons. ``link``: where the title leads.
    ``delivery``: what a retry of the same report has in common; None: each request is a report.
    """

    kind: CardKind
    status: CardStatus
    title: str
    key: str | None = None
    source: str | None = None
    text: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    link: str = ""
    severity: Severity | None = None
    starts_at: datetime | None = None
    delivery: str | None = None


def card_of(draft: Draft, source: str, generation: int, changed_at: datetime) -> Card:
    """Return the card of a report. ``source``: unless the report names its own."""
    return Card(
        kind=draft.kind,
        key=card_key(draft.key),
        source=line(draft.source or "", CARD_SOURCE_MAX) or source,
        status=draft.status,
        title=line(draft.title, CARD_TITLE_MAX) or "Untitled",
        text=lines(draft.text, CARD_TEXT_MAX),
        fields=tuple(_fields(draft.fields)),
        actions=tuple(_actions(draft)),
        severity=draft.severity,
        link=web_link(draft.link),
        generation=generation,
        changed_at=changed_at,
    )


def card_key(key: str | None) -> str | None:
    """Return the key of a card: as it is if it is short and printable, otherwise a digest of it."""
    if not key:
        return None
    if len(key) <= CARD_KEY_MAX and key.isprintable():
        return key
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def digest(*parts: object) -> str:
    """Return a digest of values, for what retries have in common."""
    return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:32]


def line(value: str, limit: int) -> str:
    """Return a text as one line of at most ``limit`` characters, without control characters."""
    text = _SPACE.sub(" ", _printable(value[: limit * 4], " ")).strip()
    return "" if is_blank(text) else clip(text, limit)


def lines(value: str, limit: int) -> str:
    """Return a text of at most ``limit`` characters, without control characters."""
    text = value[: limit * 4].replace("\r\n", "\n").replace("\r", "\n")
    text = _BLANK_LINES.sub("\n\n", _printable(text, "\n\t")).strip()
    return "" if is_blank(text) else clip(text, limit)


def web_link(value: str) -> str | None:
    """Return an address of the web; None for anything else. Nothing is ever loaded from it."""
    if not value or len(value) > LINK_MAX:
        return None
    try:
        return _LINK.validate_python(value.strip())
    except ValidationError:
        return None


def severity_of(value: str) -> Severity | None:
    """Return the severity with a name that senders use."""
    return _SEVERITIES.get(value[:32].strip().lower())


def _printable(value: str, kept: str) -> str:
    if value.isprintable():
        return value
    return "".join(
        char
        if char in kept
        else " "
        if char in "\n\t\u2028\u2029"
        else ""
        if unicodedata.category(char) in {"Cc", "Cs"} or char in _DIRECTIONS
        else char
        for char in value
    )


def _fields(fields: Iterable[tuple[str, str]]) -> Iterable[CardField]:
    shown = 0
    for name, value in fields:
        cleaned = line(name, FIELD_NAME_MAX)
        if not cleaned or shown == FIELDS_MAX:
            continue
        shown += 1
        content = lines(value, FIELD_VALUE_MAX)
        yield CardField(
            name=cleaned, value=content, short=(len(content) <= 40 and "\n" not in content) or None
        )


def _actions(draft: Draft) -> Iterable[CardAction]:
    actions = [ACKNOWLEDGE, OPEN_INCIDENT] if draft.status is CardStatus.FIRING and draft.key else []
    for label, address in draft.links[: 2 * ACTIONS_MAX]:
        url = web_link(address)
        if url is not None:
            actions.append(CardAction(label=line(label, LABEL_MAX) or "Open", url=url))
    return actions[:ACTIONS_MAX]
