"""The JSON Schema export."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from opsroom_contracts.errors import HTTP_STATUS, RETRYABLE, ErrorCode, Problem, refuse
from opsroom_contracts.schema import all_models, json_schema

TYPES = {"object", "string", "integer", "number", "boolean", "array", "null"}


def subschemas(schema: object) -> Iterator[dict[str, Any]]:
    """Every subschema of ``schema``, where the keywords of JSON Schema 2020-12 have them."""
    assert isinstance(schema, dict | bool), schema
    if isinstance(schema, bool):
        return
    yield schema
    for keyword in ("$defs", "properties", "patternProperties"):
        for inner in schema.get(keyword, {}).values():
            yield from subschemas(inner)
    for keyword in ("items", "additionalProperties", "propertyNames", "not"):
        if keyword in schema:
            yield from subschemas(schema[keyword])
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for inner in schema.get(keyword, []):
            yield from subschemas(inner)


def test_the_document_has_the_shape_of_the_metaschema() -> None:
    document = json_schema()
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for schema in subschemas(document):
        assert set(schema) <= {
            "$schema", "$defs", "$ref", "title", "description", "type", "properties", "required", "items",
            "additionalProperties", "anyOf", "oneOf", "allOf", "const", "enum", "default", "format",
            "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems",
            "discriminator", "propertyNames",
        }  # fmt: skip
        assert schema.get("type", "object") in TYPES
        assert isinstance(schema.get("required", []), list)
        assert set(schema.get("required", [])) <= set(schema.get("properties", {}))
        if "$ref" in schema:
            assert schema["$ref"].removeprefix("#/$defs/") in document["$defs"]
        if "default" in schema:
            json.dumps(schema["default"])


def test_every_model_stands_in_it_closed_and_in_camel_case() -> None:
    definitions = json_schema()["$defs"]
    for model in all_models():
        schema = definitions[model.__name__]
        assert schema["additionalProperties"] is False
        assert not [name for name in schema.get("properties", {}) if "_" in name]


def test_the_export_is_the_same_every_time_and_in_order() -> None:
    command = [sys.executable, "-m", "opsroom_contracts.schema"]
    printed = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
    assert printed == (json.dumps(json_schema(), indent=2, sort_keys=True) + "\n").encode()
    names = [model.__name__ for model in all_models()]
    assert names == sorted(names)


def test_every_error_code_has_an_http_status_that_a_problem_can_carry() -> None:
    assert set(HTTP_STATUS) == set(ErrorCode)
    for code, status in HTTP_STATUS.items():
        Problem(type="about:blank", title="t", status=status, detail="d", code=code)
    assert {HTTP_STATUS[code] for code in RETRYABLE} <= {503, 409, 408, 429}


def test_a_refusal_carries_its_fault() -> None:
    error = refuse(ErrorCode.NAME_TAKEN, "taken", field="name", operation_id="op")
    assert (error.fault.code, error.fault.field, error.fault.operation_id) == ("name_taken", "name", "op")
    assert str(error) == "name_taken: taken"
