"""How the API's description says that a token goes into the ``Authorization`` header."""

from typing import Any, Final

from fastapi import Security
from fastapi.security import HTTPBearer

BEARER: Final[Any] = Security(
    HTTPBearer(
        scheme_name="token",
        auto_error=False,
        description="A registration token, one that the operator gave out, or the issuer's in mode `oidc`.",
    )
)
"""A dependency that only describes: who asks is found out by ``Access``."""
