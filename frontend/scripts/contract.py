"""Print, as one JSON document, what the page takes from the gateway and the contracts package.

Requests and responses come from the gateway's OpenAPI document; frames and events, which OpenAPI doesn't
describe, from the contracts' JSON Schema; the table of commands and the constants are in neither of the two.
"""

import json
import sys
from typing import Any

from pydantic import TypeAdapter

from opsroom_contracts import close_codes, errors, http, http_people, text
from opsroom_contracts.agents import protocol
from opsroom_contracts.chat import frames, invitations, rooms
from opsroom_contracts.chat import models as chat
from opsroom_contracts.cloud import commands, instances
from opsroom_contracts.documents import schema
from opsroom_contracts.incidents import commands as chat_commands
from opsroom_contracts.incidents import hooks
from opsroom_contracts.incidents.table import CHAT_COMMANDS, ChatCommandSpec, Parameter, Values
from opsroom_contracts.search.query import QUERY_MAX
from opsroom_gateway.app import describe


def names_of(union: TypeAdapter[Any]) -> list[str]:
    """Return the names of the models of a discriminated union."""
    mapping = union.json_schema()["discriminator"]["mapping"]
    return [reference.rsplit("/", 1)[-1] for reference in mapping.values()]


def parameter_of(one: Parameter) -> dict[str, Any]:
    """Return an argument of a command in the chat, as the page has it."""
    keyword = {} if one.keyword is None else {"keyword": one.keyword}
    return {"values": one.values.value, "label": one.label, "required": one.required, **keyword}


def chat_command_of(spec: ChatCommandSpec) -> dict[str, Any]:
    """Return a command in the chat, as the page has it."""
    return {
        "name": spec.name.value,
        "permission": spec.permission.value,
        "parameters": [parameter_of(one) for one in spec.parameters],
        "help": spec.help,
        "example": spec.example,
        "isLocal": spec.is_local,
    }


json.dump(
    {
        "openapi": describe(),
        "schema": schema.json_schema(),
        "unions": {
            "ClientFrame": names_of(frames.CLIENT_FRAME),
            "ServerFrame": names_of(frames.SERVER_FRAME),
        },
        "events": [
            model.__name__
            for model in (
                http.CloudEvent,
                http.ResetEvent,
                http.StreamEnd,
                protocol.LogChunk,
                protocol.StatsChunk,
            )
        ],
        "commands": {
            spec.command.value: {
                "done": spec.done.value,
                "needs": [state.value for state in commands.InstanceState if state in spec.needs],
                "leaves": spec.leaves and spec.leaves.value,
                "route": f"{spec.method} /cloud{spec.path}",
            }
            for spec in commands.COMMANDS.values()
        },
        "done": {command.value: event.value for command, event in commands.DONE.items()},
        "creating": sorted(command.value for command in commands.CREATING),
        "closeCodes": {
            close.name: {"code": close.value.code, "retry": close.value.retry.value}
            for close in close_codes.Close
        },
        "constants": {
            "SUBPROTOCOL": frames.SUBPROTOCOL,
            "TEXT_MAX": chat.TEXT_MAX,
            "HISTORY_MAX": chat.HISTORY_MAX,
            "NAME_MAX": text.NAME_MAX,
            "ROOM_NAME_MAX": rooms.ROOM_NAME_MAX,
            "DESCRIPTION_MAX": rooms.DESCRIPTION_MAX,
            "DIRECT_MAX": rooms.DIRECT_MAX,
            "INVITED_MAX": rooms.INVITED_MAX,
            "SSE_CHANGE": http.SSE_CHANGE,
            "SSE_RESET": http.SSE_RESET,
            "SSE_LOG": http.SSE_LOG,
            "SSE_STATS": http.SSE_STATS,
            "SSE_END": http.SSE_END,
            "BATCH_MAX": http.BATCH_MAX,
            "LABELS_MAX": instances.LABELS_MAX,
            "SIMULATED": instances.SIMULATED,
            "JOIN_FRAGMENT": http_people.JOIN_FRAGMENT,
            "INVITATION_SECONDS": invitations.INVITATION_SECONDS,
            "ROTATION_SECONDS": hooks.ROTATION_SECONDS,
            "RETRY_HINT": close_codes.RETRY_HINT,
        },
        "chatCommands": [chat_command_of(spec) for spec in CHAT_COMMANDS.values()],
        "chatValues": [values.value for values in Values],
        "chatConstants": {
            "COMMAND_SERVERS_MAX": chat_commands.SERVERS_MAX,
            "LOG_LINES": chat_commands.LOG_LINES,
            "LOG_LINES_MAX": chat_commands.LOG_LINES_MAX,
            "TITLE_MAX": chat_commands.TITLE_MAX,
            "NOTE_MAX": chat_commands.NOTE_MAX,
            "QUERY_MAX": QUERY_MAX,
        },
        "retryable": sorted(code.value for code in errors.RETRYABLE),
    },
    sys.stdout,
)
