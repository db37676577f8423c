"""Print, as one JSON document, what the page takes from the gateway and the contracts package.

Requests and their answers come as the gateway's OpenAPI; frames and events, which OpenAPI does not know, as
the contracts' JSON Schema; the constants beside them are what neither can say.
"""

import json
import sys

from opsroom_contracts import chat, close_codes, errors, frames, http, schema, text
from opsroom_gateway.app import describe

json.dump(
    {
        "openapi": describe(),
        "schema": schema.json_schema(),
        "closeCodes": {str(close.value.code): close.value.retry.value for close in close_codes.Close},
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
