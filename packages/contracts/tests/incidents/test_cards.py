"""Cards and their plain text."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsroom_contracts.chat.events import MESSAGE_STATE, MessageEvent, frame_of
from opsroom_contracts.chat.frames import MessageFrame
from opsroom_contracts.chat.models import TEXT_MAX, User
from opsroom_contracts.incidents.cards import (
    PLAIN_TEXT_MAX,
    Card,
    CardAction,
    CardField,
    CardKind,
    CardStatus,
    plain_text,
)
from opsroom_contracts.serialization.codec import ContractError, contract_of, decode, encode
from opsroom_contracts.text import is_blank
from packages.contracts.tests.strategies import models

_AT = datetime(2026, 11, 30, tzinfo=UTC)
_CARD: dict[str, Any] = {
    "kind": CardKind.ALERT,
    "source": "alertmanager",
    "status": CardStatus.FIRING,
    "title": "DiskFull",
    "changed_at": _AT,
}


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_card_is_stored_with_its_message_and_has_a_plain_text(data: st.DataObject) -> None:
    card = data.draw(models(Card))
    assert isinstance(card, Card)
    text = plain_text(card)
    assert 0 < len(text) <= TEXT_MAX == PLAIN_TEXT_MAX
    assert not is_blank(text)
    user = User(id="bot-hook-1", name="alerts")
    event = MessageEvent(id="m", room="general", user=user, text=text, timestamp=_AT, card=card)
    read = MESSAGE_STATE.read(encode(event))
    assert read == event
    frame = frame_of(event, 7)
    assert isinstance(frame, MessageFrame)
    assert frame.card == card


def test_the_plain_text_says_what_the_card_shows() -> None:
    fields = (CardField(name="instance", value="web-1"),)
    card = Card(**_CARD, text="almost **full**", fields=fields, link="https://example.com/a?b=1")
    assert plain_text(card).splitlines() == [
        "[firing] DiskFull",
        "almost **full**",
        "instance: web-1",
        "https://example.com/a?b=1",
    ]


def test_a_long_card_has_a_text_that_is_cut() -> None:
    fields = tuple(CardField(name="n", value="\N{PILE OF POO}" * 500) for _ in range(20))
    assert len(plain_text(Card(**_CARD, fields=fields))) == PLAIN_TEXT_MAX


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "https://good.example@evil.example/",
        "https://good.example\\@evil.example/",
        "https:///path",
        "//example.com",
        "https://example.com/<script>",
        "https://example.com/ a",
        "https://example.com/" + "a" * 2000,
    ],
)
def test_a_dangerous_link_is_refused(link: str) -> None:
    with pytest.raises(ValueError, match="url"):
        CardAction(label="Open", url=link)


@pytest.mark.parametrize(
    "fields",
    [{}, {"command": "/ack", "url": "https://example.com/"}, {"command": "ack"}, {"command": "//ack"}],
)
def test_a_button_has_one_effect(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"command"):
        CardAction(label="Do", **fields)


@pytest.mark.parametrize("title", ["", "a\nb", "a\x1b[2J", "a\u2028b", "a" * 201])
def test_a_title_is_one_line(title: str) -> None:
    with pytest.raises(ValueError, match="title"):
        Card(**{**_CARD, "title": title})


def test_a_card_is_closed() -> None:
    with pytest.raises(ContractError, match="colour"):
        decode(contract_of(Card), encode(Card(**_CARD))[:-1] + b',"colour":"red"}')
