"""Requests to agents, each with a short timeout: every verb is idempotent, and is asked again."""

from typing import TypeVar

from opsroom_contracts.agents.endpoints import agent_endpoints
from opsroom_contracts.agents.protocol import (
    ApplyReply,
    ApplyRequest,
    ObserveReply,
    ObserveRequest,
    ProviderListReply,
    ProviderListRequest,
    ServerRef,
)
from opsroom_contracts.cloud.models import Instance
from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.errors import RETRYABLE, ErrorCode, FaultError
from opsroom_contracts.serialization.model import Model
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.errors import UnavailableError

_REPLY_SECONDS = 5.0
_UNKNOWN = RETRYABLE | {ErrorCode.INTERNAL, ErrorCode.PROVIDER_AWAY}
"""Errors of an agent after which nothing is known about what it was asked."""

RequestT = TypeVar("RequestT", bound=Model)
ReplyT = TypeVar("ReplyT", bound=Model)


class AgentClient:
    """Asks agents. Methods raise UnavailableError if nothing is known, and FaultError for a refusal."""

    def __init__(self, broker: NatsConnection) -> None:
        self._requests = RequestClient(broker, timeout=_REPLY_SECONDS, first_timeout=_REPLY_SECONDS)

    async def apply(self, provider: str, request: ApplyRequest) -> ApplyReply:
        """Begin an operation, or ask how far it is."""
        return await self._ask(agent_endpoints(provider).apply, request)

    async def observe(self, provider: str, servers: tuple[ServerRef, ...]) -> ObserveReply:
        """Look at servers."""
        return await self._ask(agent_endpoints(provider).observe, ObserveRequest(servers=servers))

    async def list(self, provider: str, after: str | None) -> ProviderListReply:
        """Get a page of the servers of this portal."""
        return await self._ask(agent_endpoints(provider).list, ProviderListRequest(after=after))

    async def _ask(self, endpoint: Endpoint[RequestT, ReplyT], request: RequestT) -> ReplyT:
        try:
            return await self._requests.request(endpoint, request)
        except FaultError as error:
            if error.fault.code in _UNKNOWN:
                raise UnavailableError(f"{endpoint.subject}: {error.fault.message}") from error
            raise


def reference_of(instance: Instance) -> ServerRef:
    """Return what an agent needs to know of an instance."""
    return ServerRef(
        id=instance.id,
        name=instance.name,
        labels=instance.labels,
        template=instance.template,
        resource=instance.resource,
    )
