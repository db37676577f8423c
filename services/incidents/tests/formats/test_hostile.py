"""Whatever is sent to a hook, it becomes a valid card or is refused, in a bounded time."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsroom_contracts.incidents.cards import Card, CardStatus, plain_text
from opsroom_contracts.incidents.hooks import HOOK_BODY_MAX, HookFormat
from opsroom_contracts.serialization.codec import contract_of, decode, encode
from opsroom_incidents.formats.draft import card_of
from opsroom_incidents.formats.payload import FormatError, Received
from opsroom_incidents.formats.registry import parse
from services.incidents.tests.formats.payloads import SAMPLES

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
_SECONDS = 3.0
"""Far more than a parser takes, and far less than one that is not linear."""
_HEADERS = {"x-github-event": "push"}
_HOSTILE = [
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "http://169.254.169.254/latest/meta-data/",
    "https://user:password@example.com/",
    "file:///etc/passwd",
    "\x1b[2J\x00\x07",
    "\u202egnp.exe",
    "[a](javascript:alert(1))",
    "/rm web-1",
    "```" * 50,
    "<" * 200,
    "*_~`" * 200,
    "a\u0301" * 500,
    "👩‍👩‍👧‍👦" * 200,
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(_HOSTILE),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


def read(format_: HookFormat, body: bytes, headers: dict[str, str], key: str | None = None) -> list[Card]:
    """Return the cards of a request; none if it is refused."""
    with suppress(FormatError):
        return [card_of(one, "source", 0, NOW) for one in parse(format_, Received(body, headers, key))]
    return []


def check(card: Card) -> None:
    """Check that a card is valid, commands nothing, and leads nowhere but to the web."""
    assert decode(contract_of(Card), encode(card)) == card
    assert plain_text(card)
    commands = [action.command for action in card.actions if action.command is not None]
    assert commands == (["/ack", "/incident"] if card.status is CardStatus.FIRING and card.key else [])
    for link in (card.link, *(action.url for action in card.actions)):
        assert link is None or (
            link.startswith(("http://", "https://")) and "@" not in link.partition("//")[2].partition("/")[0]
        )


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in a value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield from places(one, (*path, name))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a value with something else at a path."""
    if not path:
        return new
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_request_with_something_else_in_it_becomes_a_valid_card_or_is_refused(data: st.DataObject) -> None:
    format_, headers, body = data.draw(st.sampled_from(SAMPLES))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(body))))
        body = replaced(body, path, data.draw(anything))
    key = data.draw(st.none() | st.text(max_size=300))
    for card in read(format_, json.dumps(body).encode(), headers, key):
        check(card)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(HookFormat), st.binary(max_size=200) | anything.map(lambda one: json.dumps(one).encode())
)
def test_any_body_becomes_a_valid_card_or_is_refused(format_: HookFormat, body: bytes) -> None:
    for card in read(format_, body, _HEADERS):
        check(card)


@pytest.mark.parametrize("format_", HookFormat)
@pytest.mark.parametrize("text", _HOSTILE)
def test_hostile_texts_are_harmless_everywhere(format_: HookFormat, text: str) -> None:
    for sample, headers, body in SAMPLES:
        if sample is format_:
            for path in places(body):
                for card in read(format_, json.dumps(replaced(body, path, text)).encode(), headers):
                    check(card)


def nested(text: str) -> str:
    depth = HOOK_BODY_MAX // (2 * len(text)) - 1
    closing = "".join("]" if char == "[" else "}" for char in reversed(text) if char in "[{")
    return text * depth + "1" + closing * depth


def filled(value: Any, text: str) -> Any:
    """Return a value with all its texts replaced by a long one, and its lists long."""
    if isinstance(value, dict):
        return {name: filled(one, text) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, text) for one in value] * 3
    return value if name_like(value) else text


def name_like(value: Any) -> bool:
    """Whether a text decides how the rest is read."""
    return not isinstance(value, str) or (
        len(value) <= 24 and value.replace("_", "").isalnum() and value.islower()
    )


@pytest.mark.parametrize("format_", HookFormat)
@pytest.mark.parametrize(
    "body",
    [
        nested("["),
        nested('{"a":'),
        nested('{"blocks":[{"type":"rich_text","elements":['),
        '{"text":"' + "<" * (HOOK_BODY_MAX - 20) + '"}',
        '{"text":"' + "`" * (HOOK_BODY_MAX - 20) + '"}',
        '{"text":"' + "<a|" * (HOOK_BODY_MAX // 3 - 20) + '"}',
        '{"text":"' + "a\\u0301" * (HOOK_BODY_MAX // 7 - 20) + '"}',
        '{"version":"4","status":"firing","alerts":[' + "{}," * (HOOK_BODY_MAX // 3 - 50) + "{}]}",
        '{"version":"4","status":"firing","alerts":[{}],"commonLabels":{'
        + ",".join(f'"{n}":"{n}"' for n in range(HOOK_BODY_MAX // 20))
        + "}}",
        "payload=" + "&payload=" * (HOOK_BODY_MAX // 9 - 10),
        "1" * HOOK_BODY_MAX,
        '{"title":' + "1" * (HOOK_BODY_MAX - 20) + "}",
        '{"title":"\\ud800"}',
        '{"title":NaN}',
    ],
    ids=range(14),
)
def test_a_huge_or_deep_body_takes_little_time(format_: HookFormat, body: str) -> None:
    started = time.process_time()
    for card in read(format_, body.encode(), _HEADERS):
        check(card)
    assert time.process_time() - started < _SECONDS


@pytest.mark.parametrize("text", [one * (500 // len(one) + 1) for one in _HOSTILE], ids=range(len(_HOSTILE)))
def test_requests_full_of_long_texts_take_little_time(text: str) -> None:
    for format_, headers, body in SAMPLES:
        data = json.dumps(filled(body, text)).encode()[: 4 * HOOK_BODY_MAX]
        started = time.process_time()
        for card in read(format_, data, headers):
            check(card)
        assert time.process_time() - started < _SECONDS
