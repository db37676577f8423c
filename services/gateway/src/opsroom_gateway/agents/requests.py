"""Requests to agents, with an error that says why nobody replies."""

from collections.abc import Callable
from typing import Final, TypeVar

from opsroom_contracts import endpoints
from opsroom_contracts.agents.endpoints import AgentEndpoints, agent_endpoints
from opsroom_contracts.cloud.instances import SIMULATED
from opsroom_contracts.cloud.requests import ProvidersRequest, ProviderView
from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.model import Model, rfc3339
from opsroom_contracts.text import clip
from opsroom_messaging.client.request_client import RequestClient

_TIMEOUT_SECONDS: Final = 3.0
"""Agents reply within a few seconds, so one that has not by then is away."""

_OWN_ERRORS: Final = frozenset(
    {ErrorCode.UNSUPPORTED, ErrorCode.INSTANCE_NOT_FOUND, ErrorCode.OVERLOADED, ErrorCode.RATE_LIMITED}
)
"""Errors that an agent may report to clients. Others say something about the portal or the client."""
_MESSAGE_MAX: Final = 500

RequestT = TypeVar("RequestT", bound=Model)
ReplyT = TypeVar("ReplyT", bound=Model)


class AgentRequests:
    """Sends requests to agents. The simulated provider has none: it is part of the cloud service."""

    def __init__(self, requester: RequestClient) -> None:
        self._requester = requester

    async def request(
        self,
        provider: str,
        endpoint: Callable[[AgentEndpoints], Endpoint[RequestT, ReplyT]],
        request: RequestT,
    ) -> ReplyT:
        """Send ``request`` to the agent of ``provider``, which must exist.

        Raises:
            FaultError: ``unsupported`` by the simulated provider; ``provider_away``: the agent does not
                reply; ``unavailable``: nor does the cloud service, or the agent has failed; or the agent's
                own error, such as ``instance_not_found``.
        """
        if provider == SIMULATED:
            raise refuse(ErrorCode.UNSUPPORTED, "simulated servers have no logs, statistics or adoption")
        wanted = endpoint(agent_endpoints(provider))
        try:
            return await self._requester.request(wanted, request, timeout=_TIMEOUT_SECONDS)
        except FaultError as error:
            if error.fault.code in _OWN_ERRORS:
                raise
            if error.fault.code is not ErrorCode.UNAVAILABLE:
                why = clip(error.fault.message, _MESSAGE_MAX)
                message = f"the agent of the provider {provider!r} has failed: {why}"
                raise refuse(ErrorCode.UNAVAILABLE, message) from error
        raise _away(provider, _found(provider, await self._providers()))

    async def check_known(self, provider: str) -> None:
        """Check that there is a provider of that name.

        Raises:
            FaultError: ``provider_unknown``; ``unavailable``: the cloud service does not reply.
        """
        providers = await self._providers()
        if _found(provider, providers) is None:
            known = ", ".join(one.name for one in providers)
            message = f"there is no provider {provider!r}; there are: {known}"
            raise refuse(ErrorCode.PROVIDER_UNKNOWN, message[:1000], field="provider")

    async def _providers(self) -> tuple[ProviderView, ...]:
        return (await self._requester.request(endpoints.PROVIDERS, ProvidersRequest())).providers


def _found(provider: str, providers: tuple[ProviderView, ...]) -> ProviderView | None:
    return next((one for one in providers if one.name == provider), None)


def _away(provider: str, known: ProviderView | None) -> FaultError:
    seen_at = None if known is None else known.seen_at
    seen = "" if seen_at is None else f"; it was last seen at {rfc3339(seen_at)}"
    return refuse(ErrorCode.PROVIDER_AWAY, f"the agent of the provider {provider!r} does not reply{seen}")
