"""The directory of providers: what their agents have stored about themselves, and which of them are there."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from opsroom_cloud.instances.projection import InstanceProjection
from opsroom_contracts.agents.records import (
    AGENT_LEASE,
    AGENT_RECORD,
    LEASE_SECONDS,
    AgentCapability,
    AgentLease,
    AgentRecord,
    TemplateView,
)
from opsroom_contracts.cloud.instances import SIMULATED
from opsroom_contracts.cloud.requests import ProvidersReply, ProvidersRequest, ProviderView
from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.subjects import agent_lease, agent_record
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage

_SIMULATED_VIEW = ProviderView(
    name=SIMULATED,
    kind=SIMULATED,
    connected=True,
    templates=(TemplateView(name=SIMULATED, description="Does nothing but change its state."),),
)

PROVIDERS_MAX = 100
"""The maximum number of providers with agents; those that come later are ignored."""
_TEMPLATES_BYTES = 512 * 1024
"""Room for the templates of all providers in one reply. Each has an equal share of it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ResolvedTemplate:
    """What a request's template means. ``template``: None for the simulated provider's only one."""

    provider: str
    template: str | None = None
    protected: bool = False


class ProviderDirectory:
    """Handler of a subscription to the records and leases of agents.

    An agent is there while its lease is younger than :data:`LEASE_SECONDS`, by the broker's clock. While the
    stream is read again, what was known before stays: a request must not be refused because of that.
    """

    def __init__(self, projection: InstanceProjection, clock: Callable[[], datetime]) -> None:
        self._projection = projection
        self._clock = clock
        self._records: dict[str, tuple[AgentRecord, datetime]] = {}
        self._leases: dict[str, tuple[AgentLease, datetime]] = {}
        self._unconfirmed: set[str] = set()
        """The subjects of what is known from before the subscription began again."""
        self._on_lease: list[Callable[[str, str], None]] = []
        self._has_ignored = False
        self.malformed = 0

    def on_lease(self, callback: Callable[[str, str], None]) -> None:
        """Call ``callback`` with the provider and its agent's process at each renewal of a lease."""
        self._on_lease.append(callback)

    def on_restart(self, restart: Restart) -> None:
        """Note that everything is delivered again if the subscription begins again."""
        if restart.reset:
            self._unconfirmed = {agent_record(name) for name in self._records}
            self._unconfirmed |= {agent_lease(name) for name in self._leases}

    def on_message(self, message: StreamMessage) -> None:
        """Apply one message of ``agents.*.*``."""
        provider = message.subject.rpartition(".")[2]
        if not self._has_room_for(provider):
            return
        self._unconfirmed.discard(message.subject)
        try:
            if message.subject == agent_lease(provider):
                lease = AGENT_LEASE.read(message.data)
                self._leases[provider] = (lease, message.at)
                if not lease.released:
                    for callback in self._on_lease:
                        callback(provider, lease.process)
            elif message.subject == agent_record(provider):
                record = AGENT_RECORD.read(message.data)
                if record.name != provider:
                    raise ContractError("name", f"must be {provider}, as in the subject")
                self._records[provider] = (record, message.at)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s (sequence %d): %s", message.subject, message.seq, error)

    def _has_room_for(self, provider: str) -> bool:
        """Whether an agent may act for the provider. The simulated one has none."""
        known = self._records.keys() | self._leases.keys()
        if provider in known:
            return True
        if provider == SIMULATED or len(known) >= PROVIDERS_MAX:
            if not self._has_ignored:
                self._has_ignored = True
                log.warning(
                    "ignored the agent of provider %s: its name is reserved, or there are %d others;"
                    " further ones are not logged",
                    provider,
                    PROVIDERS_MAX,
                )
            return False
        return True

    def on_synced(self) -> None:
        """Forget what the stream no longer has."""
        for subject in self._unconfirmed:
            provider = subject.rpartition(".")[2]
            (self._records if subject == agent_record(provider) else self._leases).pop(provider, None)
        self._unconfirmed.clear()

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Go on: expired leases are those of agents that are away."""
        return False

    def is_connected(self, provider: str) -> bool:
        """Whether the agent of ``provider`` is there."""
        found = self._leases.get(provider)
        if found is None or found[0].released:
            return False
        return self._clock() - found[1] < timedelta(seconds=LEASE_SECONDS)

    def connected(self) -> list[str]:
        """Return the providers whose agents are there, sorted."""
        return sorted(filter(self.is_connected, self._leases))

    def connections(self) -> dict[str, bool]:
        """Return of each provider with an agent whether that is there."""
        return {provider: self.is_connected(provider) for provider in self._records}

    def refusal(self, provider: str) -> Fault | None:
        """Return the fault if commands for a provider's servers can't be accepted at this moment."""
        if provider == SIMULATED or self.is_connected(provider):
            return None
        return Fault(
            code=ErrorCode.PROVIDER_AWAY,
            message=f"the agent of provider {provider} is not connected{self._since(provider)}",
        )

    def adoption_refusal(self, provider: str, resource: str, instance_id: str) -> Fault | None:
        """Return the fault if ``resource`` of ``provider`` can't be adopted, as instance ``instance_id``."""
        if provider != SIMULATED and provider not in self._records:
            return Fault(
                code=ErrorCode.PROVIDER_UNKNOWN,
                message=f"there is no provider {provider}; there are {', '.join(self._names())}"[:1000],
                field="provider",
            )
        away = self.refusal(provider)
        if away is not None:
            return away
        if provider == SIMULATED or AgentCapability.ADOPT not in self._records[provider][0].capabilities:
            return Fault(
                code=ErrorCode.UNSUPPORTED, message=f"provider {provider} has nothing that can be adopted"
            )
        for known in self._projection.instances_of(provider):
            found = known.instance
            if found is not None and found.resource == resource and found.id != instance_id:
                message = f"{resource} is instance {found.id} ({found.name}) already"
                return Fault(code=ErrorCode.TRANSITION_INVALID, message=message, field="resource")
        return None

    def template(self, ref: str | None) -> ResolvedTemplate | Fault:
        """Return what ``ref`` means: ``template`` or ``provider/template``; None is the simulated one."""
        if ref is None:
            return ResolvedTemplate(SIMULATED)
        provider, _, name = ref.rpartition("/")
        known = [(view.name, one) for view in self._views() for one in view.templates]
        found = [(owner, one) for owner, one in known if one.name == name and provider in {"", owner}]
        if not found:
            choices = ", ".join(f"{owner}/{one.name}" for owner, one in known)
            return Fault(
                code=ErrorCode.TEMPLATE_UNKNOWN,
                message=f"there is no template {ref}; there are {choices}"[:1000],
                field="template",
            )
        if len(found) > 1:
            choices = " or ".join(f"{owner}/{one.name}" for owner, one in found)
            return Fault(
                code=ErrorCode.INVALID_REQUEST,
                message=f"template: several providers have {name}: write {choices}"[:1000],
                field="template",
            )
        owner, view = found[0]
        return ResolvedTemplate(owner, view.name, view.protected)

    async def providers(self, request: ProvidersRequest) -> ProvidersReply:  # noqa: ARG002 - a handler
        """Handler of ``cloud.providers``: all providers, sorted by name, with the templates that fit."""
        views = self._views()
        share = _TEMPLATES_BYTES // len(views)
        return ProvidersReply(providers=tuple(_within(view, share) for view in views))

    def _views(self) -> list[ProviderView]:
        agents = (self._view(record, at) for record, at in self._records.values())
        return sorted((_SIMULATED_VIEW, *agents), key=lambda view: view.name)

    def _view(self, record: AgentRecord, at: datetime) -> ProviderView:
        return ProviderView(
            name=record.name,
            kind=record.kind,
            connected=self.is_connected(record.name),
            seen_at=self._seen_at(record.name) or at,
            host=record.host,
            version=record.release,
            capabilities=record.capabilities,
            templates=record.templates,
        )

    def _seen_at(self, provider: str) -> datetime | None:
        times = [stored[1] for stored in (self._records.get(provider), self._leases.get(provider)) if stored]
        return max(times, default=None)

    def _since(self, provider: str) -> str:
        seen = self._seen_at(provider)
        return "" if seen is None else f"; it was last seen at {seen:%Y-%m-%d %H:%M:%S} UTC"

    def _names(self) -> list[str]:
        return [view.name for view in self._views()]


def _within(view: ProviderView, size: int) -> ProviderView:
    """Return ``view`` with as many of its templates as have ``size`` bytes."""
    kept, left = 0, size
    for template in view.templates:
        left -= len(encode(template)) + 1
        if left < 0:
            log.warning("provider %s: only %d templates fit into a reply", view.name, kept)
            break
        kept += 1
    return (
        view if kept == len(view.templates) else view.model_copy(update={"templates": view.templates[:kept]})
    )
