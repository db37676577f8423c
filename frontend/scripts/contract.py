"""Print, as one JSON document, what the page takes from the contracts package.

The models come as JSON Schema; the constants beside them are what the schema can't say.
"""

import json
import sys

from opsroom_contracts import chat, close_codes, errors, frames, http, schema, text

json.dump(
    {
        "schema": schema.json_schema(),
        "closeCodes": {str(close.value.code): close.value.retry.value for close in close_codes.Close},
        "constants": {
            "SUBPROTOCOL": frames.SUBPROTOCOL,
            "TEXT_MAX": chat.TEXT_MAX,
            "HISTORY_MAX": chat.HISTORY_MAX,
            "NAME_MAX": text.NAME_MAX,
            "SSE_CHANGE": http.SSE_CHANGE,
            "SSE_RESET": http.SSE_RESET,
        },
        "retryable": sorted(code.value for code in errors.RETRYABLE),
    },
    sys.stdout,
)
