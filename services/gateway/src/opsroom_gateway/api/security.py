"""The security scheme in the OpenAPI document."""

from typing import Any, Final

from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer

from opsroom_contracts.identity import Mode
from opsroom_gateway.auth.authorization import Authorizer

BEARER: Final[Any] = Security(
    HTTPBearer(
        scheme_name="token",
        auto_error=False,
        description="A registration token, a static token, or the issuer's token in mode `oidc`.",
    )
)
"""A dependency for documentation only; ``Authorizer`` authenticates requests."""

_SESSION = ("/api/v1/session", "get")
_EXCHANGE = ("/api/v1/access/exchange", "post")
_REGISTRATION = ("/api/v1/chat/users", "post")


def describe_access(app: FastAPI, access: Authorizer) -> None:
    """Mark the operations that need no token on this gateway in the OpenAPI document of ``app``."""
    described = app.openapi
    free = {_SESSION, _EXCHANGE} | ({_REGISTRATION} if access.guests else set())

    def openapi() -> dict[str, Any]:
        document = described()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                required = operation.get("security", [{}])
                if {} not in required and (access.mode is Mode.OPEN or (path, method) in free):
                    operation["security"] = [*required, {}]
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to extend the document
