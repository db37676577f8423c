"""Client and server frames, and the close codes."""

import json
import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsroom_contracts.close_codes import Close, retry_hint
from opsroom_contracts.codec import ContractError, decode, encode
from opsroom_contracts.frames import CLIENT_FRAME, SERVER_FRAME, ClientFrame, ServerFrame
from opsroom_contracts.model import Model
from packages.contracts.tests.strategies import models


def members(union: Any) -> tuple[type[Model], ...]:
    return typing.get_args(typing.get_args(union)[0])


@pytest.mark.parametrize("frame", members(ClientFrame), ids=lambda frame: frame.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_client_frame_is_known_by_its_type(frame: type[Model], data: st.DataObject) -> None:
    value = data.draw(models(frame))
    read = decode(CLIENT_FRAME, encode(value), 10**6)
    assert type(read) is frame
    assert read == value


@pytest.mark.parametrize("frame", members(ServerFrame), ids=lambda frame: frame.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_server_frame_is_known_by_its_type(frame: type[Model], data: st.DataObject) -> None:
    value = data.draw(models(frame))
    read = decode(SERVER_FRAME, encode(value), 10**6)
    assert type(read) is frame
    assert read == value


def test_no_two_frames_of_one_side_share_a_type() -> None:
    for union in (ClientFrame, ServerFrame):
        types = [frame.model_fields["type"].default for frame in members(union)]
        assert len(types) == len(set(types))


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        ({}, "type"),
        ({"type": "nope"}, "type"),
        ({"type": None}, "type"),
        ({"type": "hello"}, "token"),
        ({"type": "hello", "token": "t", "since": -1}, "since"),
        ({"type": "hello", "token": "t", "since": "1"}, "since"),
        ({"type": "send", "clientId": "c", "room": "general", "text": ""}, "text"),
        ({"type": "leave", "why": "bored"}, "why"),
        ({"type": "typing"}, "room"),
    ],
)
def test_a_bad_frame_names_its_field_as_the_client_wrote_it(frame: dict[str, object], field: str) -> None:
    with pytest.raises(ContractError) as refused:
        decode(CLIENT_FRAME, json.dumps(frame))
    assert refused.value.field == field


@pytest.mark.parametrize("frame", ["null", '"str"', "[]", "1", "", "[" * 1000])
def test_what_is_no_frame_is_refused(frame: str) -> None:
    with pytest.raises(ContractError):
        decode(CLIENT_FRAME, frame)


def test_close_codes_are_distinct_and_within_their_ranges() -> None:
    codes = [close.value.code for close in Close]
    assert len(codes) == len(set(codes))
    for close in Close:
        assert close.value.code in {1000, 1001, 1009, 1011, 1013} or 4000 <= close.value.code <= 4999
        assert len(close.value.reason.encode()) <= 123


def test_a_hint_when_to_come_back_is_read_from_the_reason_that_carries_it() -> None:
    for close in Close:
        assert retry_hint(close.value.reason) is None
        hinted = close.value.with_retry(2.54)
        assert (hinted.code, retry_hint(hinted.reason)) == (close.value.code, 2.5)
        assert len(close.value.with_retry(60.0).reason.encode()) <= 123
