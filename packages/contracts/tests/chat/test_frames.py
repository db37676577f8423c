"""Client and server frames."""

import json
import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsroom_contracts.chat.frames import CLIENT_FRAME, SERVER_FRAME, ClientFrame, ServerFrame
from opsroom_contracts.endpoints import FRAME_ENDPOINTS
from opsroom_contracts.serialization.codec import ContractError, decode, encode
from opsroom_contracts.serialization.model import Model
from packages.contracts.tests.strategies import models


def members(union: Any) -> tuple[type[Model], ...]:
    return typing.get_args(typing.get_args(union)[0])


@pytest.mark.parametrize("frame", members(ClientFrame), ids=lambda frame: frame.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_client_frame_is_decoded_by_its_type(frame: type[Model], data: st.DataObject) -> None:
    value = data.draw(models(frame))
    read = decode(CLIENT_FRAME, encode(value), 10**6)
    assert type(read) is frame
    assert read == value


@pytest.mark.parametrize("frame", members(ServerFrame), ids=lambda frame: frame.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_server_frame_is_decoded_by_its_type(frame: type[Model], data: st.DataObject) -> None:
    value = data.draw(models(frame))
    read = decode(SERVER_FRAME, encode(value), 10**6)
    assert type(read) is frame
    assert read == value


@pytest.mark.parametrize("frame", members(ClientFrame), ids=lambda frame: frame.__name__)
def test_a_frame_with_a_client_id_has_an_endpoint_that_takes_its_fields(frame: type[Model]) -> None:
    fields = frame.model_fields.keys() - {"type"}
    endpoint = next((endpoint for known, endpoint in FRAME_ENDPOINTS.items() if known is frame), None)
    assert (endpoint is not None) == ("client_id" in fields)
    assert endpoint is None or endpoint.request.model_fields.keys() >= {*fields, "user_id"}


def test_frame_types_are_unique_per_direction() -> None:
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
        ({"type": "send", "clientId": "c", "room": "general", "text": "x" * 4001}, "text"),
        ({"type": "leave", "why": "bored"}, "why"),
        ({"type": "typing"}, "room"),
    ],
)
def test_an_invalid_frame_is_rejected_with_the_camel_case_field(frame: dict[str, object], field: str) -> None:
    with pytest.raises(ContractError) as refused:
        decode(CLIENT_FRAME, json.dumps(frame))
    assert refused.value.field == field


@pytest.mark.parametrize("frame", ["null", '"str"', "[]", "1", "", "[" * 1000])
def test_json_that_is_not_a_frame_is_rejected(frame: str) -> None:
    with pytest.raises(ContractError):
        decode(CLIENT_FRAME, frame)
