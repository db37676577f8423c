"""HTTP helpers of both mounts: bodies of any content type, and where a client comes from."""

import hashlib
from typing import Any

from starlette.requests import HTTPConnection, Request

from opsroom_gateway.domain.json_text import parse_json
from opsroom_gateway.middleware.client_address import client_of

_NETWORK_DIGITS = 6


class BodyError(ValueError):
    """An invalid body; the message says why."""


async def json_body(request: Request) -> Any:
    """Return the body as JSON, regardless of its content type.

    Raises:
        BodyError: it is not JSON in UTF-8.
    """
    try:
        return parse_json(await request.body())
    except ValueError:
        raise BodyError("The body must be JSON.") from None


def origin_of(connection: HTTPConnection) -> str:
    """Return two digests: of the client's network, and of its address and browser.

    The first is short, so that many addresses share it: it only distinguishes clients at other addresses.
    """
    client, agent = client_of(connection), connection.headers.get("user-agent", "")
    network = hashlib.sha256(client.network.encode()).hexdigest()[:_NETWORK_DIGITS]
    browser = hashlib.sha256(f"{client.address}\n{agent}".encode()).hexdigest()[:32]
    return f"{network}.{browser}"
