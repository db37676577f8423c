"""Stored events of the chat."""

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsroom_contracts.chat.events import CHAT_EVENT, ChatEvent, frame_of, message_of, replaced_seq
from opsroom_contracts.chat.frames import SERVER_FRAME
from opsroom_contracts.serialization.codec import decode, encode
from packages.contracts.tests.strategies import models

SEQ = 2**40


@pytest.mark.parametrize("event", get_args(ChatEvent), ids=lambda event: event.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_an_event_is_read_by_its_type_and_becomes_a_frame(event: Any, data: st.DataObject) -> None:
    value = data.draw(models(event))
    assert isinstance(value, ChatEvent)
    assert CHAT_EVENT.read(encode(value)) == value
    frame = frame_of(value, SEQ)
    assert decode(SERVER_FRAME, encode(frame), 10**6) == frame
    assert (frame.type, frame.seq, frame.id) == (value.type, SEQ, value.id)


@pytest.mark.parametrize("event", get_args(ChatEvent), ids=lambda event: event.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_an_event_leaves_a_message_or_replaces_one(event: Any, data: st.DataObject) -> None:
    value = data.draw(models(event))
    assert isinstance(value, ChatEvent)
    message = message_of(value, SEQ)
    assert message is not None or replaced_seq(value) is not None
    assert message is None or (message.seq, message.id, message.room) == (SEQ, value.id, value.room)
