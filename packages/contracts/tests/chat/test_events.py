"""Stored events of the chat."""

import json
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from opsroom_contracts.chat.emoji import Emoji
from opsroom_contracts.chat.events import (
    CHAT_EVENT,
    MESSAGE_STATE,
    ChatEvent,
    MessageEdited,
    MessageRemoved,
    MessageRemovedV1,
    MessageState,
    PinChanged,
    ReactionChanged,
    frame_of,
    message_of,
    replaced_seq,
    stored_form,
)
from opsroom_contracts.chat.frames import SERVER_FRAME
from opsroom_contracts.serialization.codec import ContractError, decode, encode
from packages.contracts.tests.strategies import models

SEQ = 2**40
_EMOJI: TypeAdapter[str] = TypeAdapter(Emoji)


@pytest.mark.parametrize("event", get_args(ChatEvent), ids=lambda event: event.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_an_event_is_read_by_its_type_and_becomes_a_frame(event: Any, data: st.DataObject) -> None:
    value = data.draw(models(event))
    assert isinstance(value, ChatEvent)
    assert CHAT_EVENT.read(encode(value)) == value
    frame = frame_of(value, SEQ)
    assert decode(SERVER_FRAME, encode(frame), 10**6) == frame
    assert (frame.type, frame.seq, frame.id) == (value.type, SEQ, message_id(value))
    assert frame.timestamp == value.timestamp


@pytest.mark.parametrize("event", get_args(MessageState), ids=lambda event: event.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_the_last_event_of_a_message_leaves_it_or_replaces_one(event: Any, data: st.DataObject) -> None:
    value = data.draw(models(event))
    assert isinstance(value, MessageState)
    assert MESSAGE_STATE.read(encode(value)) == MESSAGE_STATE.read(encode(stored_form(value))) == value
    message = message_of(value, SEQ)
    assert message is not None or replaced_seq(value) is not None
    place = value.message_seq if isinstance(value, MessageEdited) else SEQ
    assert message is None or (message.seq, message.id, message.room) == (place, value.id, value.room)


def test_a_removal_is_stored_as_older_releases_read_it_unless_they_lack_something() -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    plain = MessageRemoved(id="m", room="general", message_seq=1, sent_at=at, timestamp=at)
    assert isinstance(stored_form(plain), MessageRemovedV1)
    for change in ({"by_author": True}, {"replaced_seq": 2}):
        changed = plain.model_copy(update=change)
        assert stored_form(changed) is changed


@pytest.mark.parametrize(
    "emoji", ["👍", "👍🏽", "❤️", "🇩🇪", "#️⃣", "👩🏽‍❤️‍💋‍👨🏿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏳️‍🌈", "🫩", "™️", "ℹ️", "↩️", "〰️", "㊗️"]
)
def test_one_emoji_is_accepted(emoji: str) -> None:
    assert decode(_EMOJI, json.dumps(emoji)) == emoji


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *(("❤", "❤️"), ("❤️", "❤️"), ("™", "™️"), ("#⃣", "#️⃣"), ("☝🏽", "☝🏽"), ("👍️", "👍"), ("🏳‍🌈", "🏳️‍🌈")),
        *(("👁‍🗨", "👁️‍🗨️"), ("👩🏽‍❤‍💋‍👨🏿", "👩🏽‍❤️‍💋‍👨🏿"), ("🇩🇪", "🇩🇪"), ("🕵🏽‍♂", "🕵🏽‍♂️"), ("⌚️", "⌚")),
    ],
)
def test_an_emoji_is_one_however_its_variation_selectors_were_typed(typed: str, meant: str) -> None:
    assert decode(_EMOJI, json.dumps(typed)) == meant


@pytest.mark.parametrize("text", ["", "a", "5", ":+1:", "👍👍", "👍 ", "ж", "‍", "️", "🇩", "👍" * 40, "👍‍"])
def test_other_text_is_no_emoji(text: str) -> None:
    with pytest.raises(ContractError):
        decode(_EMOJI, json.dumps(text))


def message_id(event: ChatEvent) -> str:
    """Return the message that an event is about."""
    return event.message_id if isinstance(event, ReactionChanged | PinChanged) else event.id
