"""The endpoints of agents. Each provider has its own subjects: ``provider.<name>.<verb>``."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from opsroom_contracts.agents import protocol
from opsroom_contracts.endpoints import Endpoint
from opsroom_contracts.subjects import provider_subject

AGENT_SERVICE = "agent"


@dataclass(frozen=True, slots=True)
class AgentEndpoints:
    """The endpoints of one provider."""

    apply: Endpoint[protocol.ApplyRequest, protocol.ApplyReply]
    observe: Endpoint[protocol.ObserveRequest, protocol.ObserveReply]
    list: Endpoint[protocol.ProviderListRequest, protocol.ProviderListReply]
    adoptable: Endpoint[protocol.AdoptableRequest, protocol.AdoptableReply]
    logs: Endpoint[protocol.LogsRequest, protocol.StreamReply]
    stats: Endpoint[protocol.StatsRequest, protocol.StreamReply]
    more: Endpoint[protocol.MoreRequest, protocol.MoreReply]

    def all(self) -> tuple[Endpoint[Any, Any], ...]:
        """All of them."""
        return (self.apply, self.observe, self.list, self.adoptable, self.logs, self.stats, self.more)


@cache
def agent_endpoints(provider: str) -> AgentEndpoints:
    """Return the endpoints of ``provider``; ``*`` and ``{provider}`` are for permissions and documents."""

    def subject(verb: str) -> str:
        return provider_subject(provider, verb)

    return AgentEndpoints(
        apply=Endpoint(AGENT_SERVICE, subject("apply"), protocol.ApplyRequest, protocol.ApplyReply),
        observe=Endpoint(AGENT_SERVICE, subject("observe"), protocol.ObserveRequest, protocol.ObserveReply),
        list=Endpoint(
            AGENT_SERVICE, subject("list"), protocol.ProviderListRequest, protocol.ProviderListReply
        ),
        adoptable=Endpoint(
            AGENT_SERVICE, subject("adoptable"), protocol.AdoptableRequest, protocol.AdoptableReply
        ),
        logs=Endpoint(AGENT_SERVICE, subject("logs"), protocol.LogsRequest, protocol.StreamReply),
        stats=Endpoint(AGENT_SERVICE, subject("stats"), protocol.StatsRequest, protocol.StreamReply),
        more=Endpoint(AGENT_SERVICE, subject("more"), protocol.MoreRequest, protocol.MoreReply),
    )
