"""Requests with newer fields to services that may still be of an older release, during an upgrade."""

from typing import Final, TypeVar

from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.errors import ErrorCode, Fault, FaultError
from opsroom_contracts.serialization.model import Model
from opsroom_messaging.client.request_client import RequestClient

RequestT = TypeVar("RequestT", bound=Model)
ReplyT = TypeVar("ReplyT", bound=Model)

_IDENTITY_FIELDS: Final = frozenset({"identity", "identities", "by.identity"})
"""Fields that services of releases without identities reject, as they name them."""
_APPROVAL_FIELDS: Final = {"owner": "owner", "role": "role", "mayAwait": "may_await"}
"""Fields that services of releases without approvals reject, as they name them, and their names in code.

Such a service asks for no approval, so nothing depends on them.
"""
_ATTEMPTS: Final = len(_APPROVAL_FIELDS) + 2


async def request_with_identity(
    requester: RequestClient, endpoint: Endpoint[RequestT, ReplyT], request: RequestT
) -> ReplyT:
    """Send ``request``; send it again without the newer field that the service does not know.

    Raises:
        FaultError: the service's error.
    """
    for _ in range(_ATTEMPTS):
        try:
            return await requester.request(endpoint, request)
        except FaultError as error:
            older = _without(request, error.fault)
            if older is None:
                raise
            request = older
    return await requester.request(endpoint, request)


def _without(request: RequestT, fault: Fault) -> RequestT | None:
    """Return ``request`` without the field that an older service rejected; None: it rejected another."""
    if fault.code is not ErrorCode.INVALID_REQUEST or fault.field is None:
        return None
    if fault.field in _IDENTITY_FIELDS:
        return _without_identity(request)
    name = _APPROVAL_FIELDS.get(fault.field)
    if name is None or getattr(request, name, None) is None:
        return None
    return request.model_copy(update={name: None})


def _without_identity(request: RequestT) -> RequestT:
    update: dict[str, object] = {
        name: None for name in ("identity", "identities") if name in type(request).model_fields
    }
    by = getattr(request, "by", None)
    if isinstance(by, Model):
        update["by"] = by.model_copy(update={"identity": None})
    return request.model_copy(update=update)
