"""What the simulated provider replies: its engine's rows in the terms of the protocol."""

from collections.abc import Iterable, Sequence

from opsroom_agent.providers.simulated.engine import RefusedError
from opsroom_agent.providers.simulated.fates import share
from opsroom_agent.providers.simulated.schema import Begun, Change, Execution, SimulatedServer
from opsroom_agent.providers.simulated.settings import SimulatedSettings
from opsroom_contracts.agents.protocol import (
    OBSERVE_MAX,
    Adoptable,
    AdoptableReply,
    ApplyReply,
    ApplyRequest,
    ApplyStatus,
    ChangeNotice,
    Listed,
    Observation,
    ObserveReply,
    ProviderListReply,
    ServerRef,
)
from opsroom_contracts.agents.records import TemplateView
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.instances import Condition, FailureCode
from opsroom_contracts.cloud.models import Progress

TEMPLATES = (
    TemplateView(name="small", description="A simulated server", memory=512 * 1024**2, cpus=0.5),
    TemplateView(name="large", description="A larger simulated server", memory=4 * 1024**3, cpus=4.0),
)

Seen = Iterable[tuple[ServerRef, SimulatedServer | None]]


def refusal_of(request: ApplyRequest) -> RefusedError | None:
    """Return why an operation can't be carried out, if it names an unknown template."""
    template = request.server.template
    known = [view.name for view in TEMPLATES]
    if request.command is not Command.CREATE or template is None or template in known:
        return None
    return RefusedError(
        FailureCode.TEMPLATE_UNKNOWN, f"there is no template {template}; there are {', '.join(known)}"
    )


def working(begun: Begun, now: float, settings: SimulatedSettings) -> ApplyReply:
    """Return how far an operation is: its time in steps, first for the image and then for the rest."""
    elapsed = max(0.0, now - begun.at)
    done = min(1.0, elapsed / begun.seconds) if begun.seconds else 1.0
    steps = int(done * settings.simulated_progress_steps)
    pulls = elapsed < begun.seconds - settings.simulated_delay_seconds
    progress = Progress(
        text="pulling the image" if pulls else "working",
        percent=100 * steps // settings.simulated_progress_steps,
    )
    return ApplyReply(status=ApplyStatus.WORKING, progress=progress)


def reply(done: Execution, ref: ServerRef, server: SimulatedServer | None) -> ApplyReply:
    """Return the outcome of an operation, and the server as it is now."""
    seen = None if server is None else observation(ref, server)
    if done.failure is None:
        return ApplyReply(status=ApplyStatus.DONE, observed=seen)
    return ApplyReply(status=ApplyStatus.FAILED, observed=seen, reason=done.failure, code=done.code)


def observation(ref: ServerRef, server: SimulatedServer) -> Observation:
    """Return a server as the provider sees it."""
    return Observation(
        id=ref.id,
        state=InstanceState.RUNNING if server.running else InstanceState.STOPPED,
        resource=ref.resource,
        address=f"10.{_byte(server, 1)}.{_byte(server, 2)}.{_byte(server, 3)}" if server.running else None,
        condition=Condition.OK if server.failure is None else Condition.FAILED,
        reason=server.failure,
    )


def observed(seen: Seen) -> ObserveReply:
    """Return which servers exist, and how they are."""
    pairs = list(seen)
    return ObserveReply(
        found=tuple(observation(ref, server) for ref, server in pairs if server is not None),
        gone=tuple(ref.id for ref, server in pairs if server is None),
    )


def notice(seen: Seen) -> ChangeNotice:
    """Return the notice of changes of these servers."""
    reply = observed(seen)
    return ChangeNotice(found=reply.found, gone=reply.gone)


def ref_of(change: Change) -> ServerRef:
    """Return a reference to what has changed; an adopted server is found by its resource."""
    return ServerRef(id=change.instance, name="changed", resource=change.resource if change.adopted else None)


def page(servers: Sequence[SimulatedServer], limit: int) -> ProviderListReply:
    """Return a page of the first ``limit`` servers; one more says that there is another page."""
    shown = [server for server in servers[:limit] if server.instance is not None]
    return ProviderListReply(
        servers=tuple(_listed(server) for server in shown),
        next=shown[-1].instance if len(servers) > limit else None,
    )


def adoptable(servers: Sequence[SimulatedServer]) -> AdoptableReply:
    """Return servers of no portal."""
    return AdoptableReply(
        resources=tuple(
            Adoptable(
                resource=server.resource,
                name=server.name,
                description="a simulated server",
                state=InstanceState.RUNNING if server.running else InstanceState.STOPPED,
            )
            for server in servers[:OBSERVE_MAX]
        ),
        more=len(servers) > OBSERVE_MAX,
    )


def _listed(server: SimulatedServer) -> Listed:
    seen = observation(ServerRef(id=server.instance or "", name=server.name), server)
    return Listed(**dict(seen), name=server.name, template=server.template)


def _byte(server: SimulatedServer, place: int) -> int:
    return 1 + int(share(f"{place} {server.resource}") * 254)
