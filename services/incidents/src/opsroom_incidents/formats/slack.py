"""What programs send to Slack's incoming webhooks: text, attachments, and blocks, also inside attachments.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and the reference of attachments and
blocks describe it. Images and icons are left out: nothing is loaded from elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

from opsroom_contracts.incidents.cards import CardKind, CardStatus, Severity
from opsroom_contracts.text.slack import to_markdown
from opsroom_incidents.formats.draft import Draft
from opsroom_incidents.formats.payload import (
    FormatError,
    JsonObject,
    Received,
    obj,
    objects,
    parse_object,
    text,
    text_at,
)

_FORM: Final = "application/x-www-form-urlencoded"
_ATTACHMENTS_MAX: Final = 20
_BLOCKS_MAX: Final = 100
_TEXT_MAX: Final = 12_000
"""Longer texts are cut before they are converted."""
_COLORS: Final = {"good": Severity.INFO, "warning": Severity.WARNING, "danger": Severity.CRITICAL}
_RICH_DEPTH: Final = 6


@dataclass(slots=True)
class _Found:
    """What was found in a message so far."""

    title: str = ""
    link: str = ""
    parts: list[str] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    severity: Severity | None = None

    def add(self, part: str) -> None:
        """Add a paragraph, unless it is there already: senders repeat the text for other clients."""
        if part.strip() and part not in self.parts and len(self.parts) < _BLOCKS_MAX:
            self.parts.append(part)


def slack(received: Received) -> tuple[Draft, ...]:
    """Return the report of a message.

    Raises:
        FormatError: it is neither JSON nor a form with a ``payload``, or it says nothing.
    """
    message = parse_object(_json_of(received))
    found = _Found()
    found.add(_markup(message.get("text")))
    _blocks(message, found)
    for attachment in objects(message.get("attachments"), _ATTACHMENTS_MAX):
        _attachment(attachment, found)
    if not found.title and not found.parts and not found.fields:
        raise FormatError("text", "is required, or attachments, or blocks")
    title, parts = found.title, found.parts
    if not title:
        title, parts = _first_line(parts)
    elif parts and parts[0].partition("\n")[0].strip() == title.strip():
        parts = _first_line(parts)[1]  # senders repeat the title for clients that show no attachments
    return (
        Draft(
            kind=CardKind.ALERT,
            status=CardStatus.INFO,
            title=title or text(message.get("username")) or "Message",
            source=text(message.get("username")) or None,
            text="\n\n".join(parts),
            fields=tuple(found.fields),
            links=tuple(found.links),
            link=found.link,
            severity=found.severity,
        ),
    )


def _json_of(received: Received) -> bytes | str:
    is_form = received.header("content-type").partition(";")[0].strip().lower() == _FORM
    if not is_form and not received.body.startswith(b"payload="):
        return received.body
    try:
        values = parse_qs(received.body.decode(), max_num_fields=20)
    except ValueError:
        raise FormatError("payload", "the body is not a form in UTF-8") from None
    if "payload" not in values:
        if received.body.lstrip()[:1] == b"{":
            return received.body  # curl's -d sends JSON as a form, unless it is given a type
        raise FormatError("payload", "is required in a form")
    return values["payload"][0]


def _markup(value: object) -> str:
    return to_markdown(text(value)[:_TEXT_MAX], {}, {}).strip()


def _first_line(parts: list[str]) -> tuple[str, list[str]]:
    if not parts:
        return "", []
    first, _, rest = parts[0].partition("\n")
    plain = first.replace("**", "").replace("`", "").strip()
    return plain, ([rest.strip()] if rest.strip() else []) + parts[1:]


def _attachment(attachment: JsonObject, found: _Found) -> None:
    title = " ".join(text(attachment.get("title")).split())
    if title and not found.title:
        found.title, found.link = _markup(title), text(attachment.get("title_link"))
    elif title:
        found.add(f"**{_markup(title)}**")
    found.severity = found.severity or _severity(text(attachment.get("color")))
    before = len(found.parts)
    for name in ("pretext", "text"):
        found.add(_markup(attachment.get(name)))
    for one in objects(attachment.get("fields"), 50):
        found.fields.append((_markup(one.get("title")) or "Field", _markup(one.get("value"))))
    for action in objects(attachment.get("actions"), 10):
        found.links.append((text(action.get("text")), text(action.get("url"))))
    _blocks(attachment, found)
    if len(found.parts) == before and not title and not found.fields:
        found.add(_markup(attachment.get("fallback")))


def _severity(color: str) -> Severity | None:
    """Return the severity that a color means: red, yellow or orange, and anything else."""
    if color in _COLORS:
        return _COLORS[color]
    digits = color.removeprefix("#")
    if len(digits) != 6 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
        return None
    red, green, blue = (int(digits[at : at + 2], 16) for at in (0, 2, 4))
    if red < 160 or blue > 140:
        return Severity.INFO
    return Severity.CRITICAL if green < 100 else Severity.WARNING


def _blocks(holder: JsonObject, found: _Found) -> None:
    for block in objects(holder.get("blocks"), _BLOCKS_MAX):
        kind = text(block.get("type"))
        if kind == "header" and not found.title:
            found.title = text_at(block, "text", "text")
        elif kind in {"header", "section"}:
            found.add(_text_object(block.get("text")))
            _section(block, found)
        elif kind in {"context", "actions"}:
            _elements(block, found)
        elif kind == "markdown":
            found.add(text(block.get("text"))[:_TEXT_MAX])
        elif kind == "image":
            found.add(text_at(block, "title", "text") or text(block.get("alt_text")))
        elif kind == "rich_text":
            found.add("".join(_rich(block, 0)).strip())


def _text_object(value: object) -> str:
    """Return a text object as Markdown."""
    one = obj(value)
    return text(one.get("text"))[:_TEXT_MAX] if one.get("type") == "plain_text" else _markup(one.get("text"))


def _section(block: JsonObject, found: _Found) -> None:
    for one in objects(block.get("fields"), 20):
        name, newline, value = _text_object(one).partition("\n")
        found.fields.append((name.replace("**", "") if newline else "Field", value if newline else name))
    _button(obj(block.get("accessory")), found)


def _elements(block: JsonObject, found: _Found) -> None:
    words = []
    for element in objects(block.get("elements"), 50):
        if element.get("type") in {"mrkdwn", "plain_text"}:
            words.append(_text_object(element))
        else:
            _button(element, found)
    found.add("  ".join(words))


def _button(element: JsonObject, found: _Found) -> None:
    if element.get("type") == "button" and text(element.get("url")):
        found.links.append((text_at(element, "text", "text"), text(element.get("url"))))


def _rich(value: JsonObject, depth: int) -> Iterator[str]:
    """Yield the text of rich text and of what is in it."""
    for element in objects(value.get("elements"), 200):
        kind = text(element.get("type"))
        if kind == "text":
            yield _styled(text(element.get("text"))[:_TEXT_MAX], obj(element.get("style")))
        elif kind == "link":
            yield _linked(text(element.get("text")), text(element.get("url")))
        elif kind == "emoji":
            yield f":{text(element.get('name'))[:100]}:"
        elif kind == "broadcast":
            yield f"@{text(element.get('range'))[:20]}"
        elif kind in {"user", "channel", "usergroup"}:
            yield "@" + text(element.get(f"{kind}_id"))[:40]
        elif depth < _RICH_DEPTH:
            yield from _container(kind, element, depth)


def _container(kind: str, element: JsonObject, depth: int) -> Iterator[str]:
    inner = "".join(_rich(element, depth + 1))
    if kind == "rich_text_list":
        parts = ("".join(_rich(one, depth + 2)) for one in objects(element.get("elements"), 100))
        yield "".join(f"- {part.strip()}\n" for part in parts)
    elif kind == "rich_text_preformatted":
        yield f"```\n{inner}\n```\n"
    elif kind == "rich_text_quote":
        yield "".join(f"> {one}\n" for one in inner.splitlines())
    else:
        yield f"{inner}\n" if kind == "rich_text_section" and depth == 0 else inner


def _styled(words: str, style: JsonObject) -> str:
    if not words.strip():
        return words
    for name, mark in (("code", "`"), ("bold", "**"), ("italic", "_"), ("strike", "~~")):
        if style.get(name) is True:
            words = f"{mark}{words}{mark}"
    return words


def _linked(label: str, url: str) -> str:
    if not url.startswith(("https://", "http://")):
        return label or url
    return f"[{label}]({url})" if label and "]" not in label and ")" not in url else url
