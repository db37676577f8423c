"""The JSON Schema export."""

import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import opsroom_contracts
from opsroom_contracts.documents.schema import all_models, json_schema
from opsroom_contracts.serialization.model import Model

TYPES = {"object", "string", "integer", "number", "boolean", "array", "null"}


def subschemas(schema: object) -> Iterator[dict[str, Any]]:
    """Iterate over all subschemas of ``schema``, by the keywords of JSON Schema 2020-12."""
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


def test_no_module_is_left_out() -> None:
    names = (one.name for one in pkgutil.walk_packages(opsroom_contracts.__path__, "opsroom_contracts."))
    models = {
        value
        for name in names
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, type) and issubclass(value, Model) and not value.__name__.startswith("_")
    }
    assert models - {Model} == set(all_models())


def test_the_document_uses_only_known_keywords() -> None:
    document = json_schema()
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for schema in subschemas(document):
        assert set(schema) <= {
            "$schema", "$defs", "$ref", "title", "description", "type", "properties", "required", "items",
            "additionalProperties", "anyOf", "oneOf", "allOf", "const", "enum", "default", "format",
            "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems",
            "discriminator", "propertyNames", "patternProperties", "minProperties", "maxProperties",
        }  # fmt: skip
        assert schema.get("type", "object") in TYPES
        assert isinstance(schema.get("required", []), list)
        assert set(schema.get("required", [])) <= set(schema.get("properties", {}))
        if "$ref" in schema:
            assert schema["$ref"].removeprefix("#/$defs/") in document["$defs"]
        if "default" in schema:
            json.dumps(schema["default"])


def test_every_model_forbids_extra_fields_and_uses_camel_case() -> None:
    definitions = json_schema()["$defs"]
    for model in all_models():
        schema = definitions[model.__name__]
        assert schema["additionalProperties"] is False
        assert not [name for name in schema.get("properties", {}) if "_" in name]


def test_the_export_is_deterministic_and_sorted() -> None:
    command = [sys.executable, "-m", "opsroom_contracts.documents.schema"]
    printed = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
    assert printed == (json.dumps(json_schema(), indent=2, sort_keys=True) + "\n").encode()
    names = [model.__name__ for model in all_models()]
    assert names == sorted(names)
