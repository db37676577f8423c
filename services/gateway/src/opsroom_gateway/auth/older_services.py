"""Requests with an identity to services that may still be of an older release, during an upgrade."""

from typing import Final, TypeVar

from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.serialization.model import Model
from opsroom_messaging.client.request_client import RequestClient

RequestT = TypeVar("RequestT", bound=Model)
ReplyT = TypeVar("ReplyT", bound=Model)

_UNKNOWN_FIELDS: Final = frozenset({"identity", "identities", "by.identity"})
"""Fields that services of releases without identities reject, as they name them."""


async def request_with_identity(
    requester: RequestClient, endpoint: Endpoint[RequestT, ReplyT], request: RequestT
) -> ReplyT:
    """Send ``request``; send it again without the identity if the service does not know the field.

    Raises:
        FaultError: the service's error.
    """
    try:
        return await requester.request(endpoint, request)
    except FaultError as error:
        fault = error.fault
        if fault.code is not ErrorCode.INVALID_REQUEST or fault.field not in _UNKNOWN_FIELDS:
            raise
    return await requester.request(endpoint, _without_identity(request))


def _without_identity(request: RequestT) -> RequestT:
    update: dict[str, object] = {
        name: None for name in ("identity", "identities") if name in type(request).model_fields
    }
    by = getattr(request, "by", None)
    if isinstance(by, Model):
        update["by"] = by.model_copy(update={"identity": None})
    return request.model_copy(update=update)
