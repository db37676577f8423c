"""JSON Schema of every contract: ``python -m opsroom_contracts.schema`` prints one document."""

import json
import sys
from typing import Any

from pydantic.json_schema import models_json_schema

from opsroom_contracts import (
    audit,
    chat,
    chat_events,
    cloud,
    errors,
    frames,
    gateways,
    http,
    identity,
    moderation,
    status,
)
from opsroom_contracts import legacy as course
from opsroom_contracts.model import Model

_MODULES = (
    audit,
    chat,
    chat_events,
    cloud,
    course,
    errors,
    frames,
    gateways,
    http,
    identity,
    moderation,
    status,
)


def all_models() -> list[type[Model]]:
    """Every model that the contract modules define, in the order of their names."""
    found = {
        value
        for module in _MODULES
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Model) and value is not Model
    }
    return sorted(found, key=lambda model: model.__name__)


def json_schema() -> dict[str, Any]:
    """One JSON Schema document (2020-12) whose ``$defs`` hold every model under its name."""
    _, schema = models_json_schema(
        [(model, "serialization") for model in all_models()],
        title="Opsroom contracts",
        ref_template="#/$defs/{model}",
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


if __name__ == "__main__":
    json.dump(json_schema(), sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")
