"""The credentials that a pull comes with."""

import base64
import json

from starlette.requests import Request


def login(request: Request) -> str | None:
    """Return the credentials of a pull as ``user:password``, or an identity token."""
    header = request.headers.get("x-registry-auth")
    if header is None:
        return None
    found: dict[str, str] = json.loads(base64.urlsafe_b64decode(header))
    return found.get("identitytoken") or f"{found['username']}:{found['password']}"
