"""Encoding and decoding of every model: round trips, and errors that name the field."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic.alias_generators import to_camel

from opsroom_contracts.chat.models import SendRequest
from opsroom_contracts.cloud.models import InstanceEvent, InstanceEventV3
from opsroom_contracts.cloud.schedules import ScheduleRequest
from opsroom_contracts.documents.schema import all_models
from opsroom_contracts.incidents.bot_commands import BotAnswer
from opsroom_contracts.incidents.cards import CardAction
from opsroom_contracts.incidents.webhooks import OutgoingEvent
from opsroom_contracts.serialization.codec import (
    MAX_PAYLOAD_BYTES,
    ContractError,
    PayloadTooLargeError,
    decode,
    encode,
)
from opsroom_contracts.serialization.model import Model
from packages.contracts.tests.strategies import models

LIBRARY_WORDS = re.compile("Input should|Field required|unable to parse|Value error|String should|tuple")
EVERY_MODEL = pytest.mark.parametrize("model", all_models(), ids=lambda model: model.__name__)
FEW = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))

DEPENDENT = {
    *((event, name) for event in (InstanceEvent, InstanceEventV3) for name in ("operation_id", "command")),
    *((CardAction, name) for name in ("command", "url")),
    *((BotAnswer, name) for name in ("text", "card")),
    *((ScheduleRequest, name) for name in ("ids", "selector", "cron", "at")),
}
"""Fields that may be missing only with certain values of others; tests of the model check this."""

ALTERNATIVES = {(OutgoingEvent, "data")}
"""Fields with one of several models, which no field distinguishes: the error names one of them, too."""

SEND = TypeAdapter(SendRequest)
A_SEND: dict[str, Any] = {"userId": "u1", "clientId": "c1", "room": "general", "text": "hello"}


def read(model: type[Model], values: object) -> Model:
    return decode(TypeAdapter(model), json.dumps(values).encode())


def wire(data: st.DataObject, model: type[Model]) -> dict[str, Any]:
    """Return a valid object of ``model`` as decoded JSON."""
    found: dict[str, Any] = json.loads(encode(data.draw(models(model))))
    return found


@EVERY_MODEL
@FEW
@given(data=st.data())
def test_an_encoded_model_decodes_to_the_same_value(model: type[Model], data: st.DataObject) -> None:
    value = data.draw(models(model))
    encoded = encode(value)
    again = decode(TypeAdapter(model), encoded, limit=len(encoded))
    assert again == value
    assert encode(again) == encoded
    assert decode(TypeAdapter(model), encoded.decode(), limit=len(encoded)) == value


@EVERY_MODEL
@FEW
@given(data=st.data())
def test_the_error_for_an_undeclared_field_names_it(model: type[Model], data: st.DataObject) -> None:
    with pytest.raises(ContractError) as refused:
        read(model, {**wire(data, model), "surprise": 1})
    assert str(refused.value) == "surprise: is not permitted"


@EVERY_MODEL
@settings(FEW, max_examples=3)
@given(data=st.data())
def test_the_error_for_a_wrong_type_names_the_field(model: type[Model], data: st.DataObject) -> None:
    values = wire(data, model)
    for name, field in model.model_fields.items():
        alias = field.alias or to_camel(name)
        wrong = "a number" if "float" in str(field.annotation) else 42.5  # only float fields accept it
        with pytest.raises(ContractError) as refused:
            read(model, {**values, alias: wrong})
        named = refused.value.field or ""
        assert (named.partition(".")[0] if (model, name) in ALTERNATIVES else named) == alias
        assert not LIBRARY_WORDS.search(refused.value.reason)


@EVERY_MODEL
@settings(FEW, max_examples=3)
@given(data=st.data())
def test_only_optional_fields_may_be_missing(model: type[Model], data: st.DataObject) -> None:
    whole = wire(data, model)
    for name, field in model.model_fields.items():
        if (model, name) in DEPENDENT:
            continue
        alias = field.alias or to_camel(name)
        values = {key: value for key, value in whole.items() if key != alias}
        if field.is_required():
            with pytest.raises(ContractError) as refused:
                read(model, values)
            assert (refused.value.field, refused.value.reason) == (alias, "is required")
        else:
            read(model, values)


@EVERY_MODEL
def test_a_payload_that_is_not_an_object_is_rejected(model: type[Model]) -> None:
    for payload in (b"null", b'"str"', b"[]", b"7", b"[" * 5000, b"\xff\xfe", b"", b"{"):
        with pytest.raises(ContractError):
            decode(TypeAdapter(model), payload)


@EVERY_MODEL
def test_an_oversized_payload_is_rejected_and_the_error_names_the_limit(model: type[Model]) -> None:
    with pytest.raises(PayloadTooLargeError, match=f"{MAX_PAYLOAD_BYTES + 1} bytes.*{MAX_PAYLOAD_BYTES}"):
        decode(TypeAdapter(model), b" " * (MAX_PAYLOAD_BYTES + 1))


def test_a_payload_at_the_limit_is_decoded() -> None:
    data = json.dumps(A_SEND).encode()
    padded = data + b" " * (MAX_PAYLOAD_BYTES - len(data))
    assert decode(SEND, padded).text == "hello"


@pytest.mark.parametrize("name", ["user_id", "client_id", "guest_name"])
def test_only_camel_case_field_names_are_accepted(name: str) -> None:
    values = {**A_SEND, name: "x"}
    values.pop(to_camel(name), None)
    with pytest.raises(ContractError) as refused:
        read(SendRequest, values)
    assert refused.value.field in {name, to_camel(name)}


@pytest.mark.parametrize(
    ("change", "field", "limit"),
    [
        ({"text": "x" * 4001}, "text", "at most 4000"),
        ({"clientId": ""}, "clientId", "at least 1"),
        ({"clientId": "c" * 129}, "clientId", "at most 128"),
        ({"clientId": "a\nb"}, "clientId", "control characters"),
        ({"room": "General"}, "room", "pattern"),
        ({"userId": 7}, "userId", "must be text"),
        ({"raw": {"data": 1}}, "raw.data", "must be text"),
        ({"raw": {"data": "", "binary": 1}}, "raw.binary", "must be true or false"),
    ],
)
def test_an_error_names_the_field_and_its_limit(change: dict[str, Any], field: str, limit: str) -> None:
    with pytest.raises(ContractError) as refused:
        read(SendRequest, {**A_SEND, **change})
    assert refused.value.field == field
    assert limit in refused.value.reason
    assert str(refused.value) == f"{field}: {refused.value.reason}"


def test_the_text_limit_counts_characters_not_bytes() -> None:
    assert len(decode(SEND, json.dumps({**A_SEND, "text": "😀" * 4000}).encode()).text) == 4000


def test_fields_that_are_none_are_omitted() -> None:
    assert b"null" not in encode(SendRequest(client_id="c", room="general", text="x"))


def test_an_unpaired_surrogate_is_rejected() -> None:
    with pytest.raises(ContractError):
        decode(SEND, b'{"userId":"u","clientId":"c","room":"general","text":"\\ud800"}')
