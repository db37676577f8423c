"""HTTP helpers of both mounts: bodies of any content type, and where a client comes from."""

import hashlib
import json
from typing import Any

from starlette.requests import HTTPConnection, Request

from opsroom_gateway.middleware.client_address import client_of


class BodyError(ValueError):
    """An invalid body; the message says why."""


async def json_body(request: Request) -> Any:
    """Return the body as JSON, regardless of its content type.

    Raises:
        BodyError: it is not JSON in UTF-8.
    """
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise BodyError("The body must be JSON.") from None


def origin_of(connection: HTTPConnection) -> str:
    """Return a digest of the client's address and browser."""
    host = client_of(connection).address
    agent = connection.headers.get("user-agent", "")
    return hashlib.sha256(f"{host}\n{agent}".encode()).hexdigest()[:32]
