"""JSON Schema of all contracts, as one document: ``python -m opsroom_contracts.documents.schema``."""

import json
import sys
from typing import Any

from pydantic.json_schema import models_json_schema

from opsroom_contracts import (
    audit,
    errors,
    gateways,
    http,
    http_hooks,
    http_imports,
    http_notifications,
    http_on_call,
    http_people,
    http_webhooks,
    identity,
    legacy,
    status,
)
from opsroom_contracts.agents import protocol, records
from opsroom_contracts.chat import (
    bots,
    devices,
    exports,
    files,
    frames,
    imported_files,
    imports,
    invitations,
    moderation,
    notifications,
    reads,
    rooms,
    threads,
)
from opsroom_contracts.chat import events as chat_events
from opsroom_contracts.chat import models as chat
from opsroom_contracts.cloud import approvals, instances, requests, schedules
from opsroom_contracts.cloud import models as cloud
from opsroom_contracts.incidents import (
    bot_commands,
    calls,
    cards,
    escalations,
    hooks,
    incidents,
    on_call,
    plans,
    posts,
    report,
    webhooks,
)
from opsroom_contracts.search import models as search
from opsroom_contracts.serialization.model import Model

_MODULES = (
    approvals,
    audit,
    bot_commands,
    bots,
    calls,
    cards,
    chat,
    chat_events,
    cloud,
    devices,
    errors,
    escalations,
    exports,
    files,
    frames,
    gateways,
    hooks,
    http,
    http_hooks,
    http_imports,
    http_notifications,
    http_on_call,
    http_people,
    http_webhooks,
    identity,
    imported_files,
    imports,
    incidents,
    instances,
    invitations,
    legacy,
    moderation,
    notifications,
    on_call,
    plans,
    posts,
    protocol,
    reads,
    records,
    report,
    requests,
    rooms,
    schedules,
    search,
    status,
    threads,
    webhooks,
)


def all_models() -> list[type[Model]]:
    """Return all models of the contract modules, sorted by name."""
    found = {
        value
        for module in _MODULES
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Model)
        and value is not Model
        and not value.__name__.startswith("_")
    }
    return sorted(found, key=lambda model: model.__name__)


def json_schema() -> dict[str, Any]:
    """Return one JSON Schema document (2020-12) with every model under its name in ``$defs``."""
    _, schema = models_json_schema(
        [(model, "serialization") for model in all_models()],
        title="Opsroom contracts",
        ref_template="#/$defs/{model}",
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


if __name__ == "__main__":
    json.dump(json_schema(), sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")
