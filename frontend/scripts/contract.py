"""Print, as one JSON document, what the page takes from the gateway and the contracts package.

Requests and responses come from the gateway's OpenAPI document; frames and events, which OpenAPI doesn't
describe, from the contracts' JSON Schema; the constants are in neither of the two.
"""

import json
import sys

from opsroom_contracts import chat, close_codes, errors, frames, http, schema, text
from opsroom_gateway.app import describe

json.dump(
    {
        "openapi": describe(),
        "schema": schema.json_schema(),
        "closeCodes": {
            close.name: {"code": close.value.code, "retry": close.value.retry.value}
            for close in close_codes.Close
        },
        "constants": {
            "SUBPROTOCOL": frames.SUBPROTOCOL,
            "TEXT_MAX": chat.TEXT_MAX,
            "HISTORY_MAX": chat.HISTORY_MAX,
            "NAME_MAX": text.NAME_MAX,
            "SSE_CHANGE": http.SSE_CHANGE,
            "SSE_RESET": http.SSE_RESET,
            "RETRY_HINT": close_codes.RETRY_HINT,
        },
        "retryable": sorted(code.value for code in errors.RETRYABLE),
    },
    sys.stdout,
)
