"""The header ``Idempotency-Key``, which makes retries safe."""

import hashlib
from typing import Annotated
from uuid import uuid4

from fastapi import Header

from opsroom_contracts.audit import Requester

KEY_MAX = 100
"""The maximum length of an idempotency key, in characters."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_MAX,
        pattern=r"^[\x20-\x7e]+$",
        description="Makes retries safe: the same command of one caller with the same key is executed once.",
    ),
]


def request_id_of(key: str | None, by: Requester, command: str) -> str:
    """Return the id of a request: the same for a caller's requests with one key, otherwise a new one."""
    if key is None:
        return uuid4().hex
    caller = by.name if by.identity is None else by.identity
    return hashlib.sha256("\0".join((command, caller, key)).encode()).hexdigest()[:32]
