"""Servers of Hetzner Cloud in the terms of the protocol, and the labels that mark those of a portal."""

from opsroom_agent.providers.hetzner.models import Server, ServerStatus
from opsroom_contracts.agents.protocol import Adoptable, ApplyRequest, Listed, Observation, ServerRef
from opsroom_contracts.cloud.commands import InstanceState
from opsroom_contracts.cloud.instances import Condition

PORTAL_LABEL = "opsroom.portal"
INSTANCE_LABEL = "opsroom.instance"
_NAME_LABEL = "opsroom.name"
_TEMPLATE_LABEL = "opsroom.template"
_OPERATION_LABEL = "opsroom.operation"
_RUNNING = {
    *(ServerStatus.RUNNING, ServerStatus.INITIALIZING, ServerStatus.STARTING),
    *(ServerStatus.REBUILDING, ServerStatus.MIGRATING),
}
_STOPPED = {ServerStatus.OFF, ServerStatus.STOPPING, ServerStatus.DELETING}


def server_name(instance: str) -> str:
    """Return the name at Hetzner Cloud, which is unique in a project and a host name."""
    return f"opsroom-{instance}".replace("_", "-").lower()[:63].rstrip("-")


def labels_of(portal: str, request: ApplyRequest) -> dict[str, str]:
    """Return the labels of a server that an operation creates."""
    server = request.server
    return {
        PORTAL_LABEL: portal,
        INSTANCE_LABEL: server.id,
        _NAME_LABEL: server.name,
        _TEMPLATE_LABEL: server.template or "",
        _OPERATION_LABEL: request.operation_id,
    }


def selector(portal: str, instance: str | None = None) -> str:
    """Return the selector of a portal's servers, or of one of them."""
    one = "" if instance is None else f",{INSTANCE_LABEL}=={instance}"
    return f"{PORTAL_LABEL}=={portal}{one}"


def observation(ref: ServerRef, server: Server) -> Observation:
    """Return a server as the provider sees it."""
    known = server.status in _RUNNING | _STOPPED
    return Observation(
        id=ref.id,
        state=_state(server),
        resource=ref.resource,
        address=_address(server),
        condition=Condition.OK if known else Condition.FAILED,
        reason=None if known else f"Hetzner Cloud reports the status {server.status}"[:500],
    )


def listed(server: Server) -> Listed:
    """Return a server of this portal."""
    ref = ServerRef(id=server.labels[INSTANCE_LABEL], name="listed")
    return Listed(
        **dict(observation(ref, server)),
        name=server.labels.get(_NAME_LABEL),
        template=server.labels.get(_TEMPLATE_LABEL) or None,
    )


def adoptable(server: Server) -> Adoptable:
    """Return a server of no portal."""
    kind = server.server_type.get("name")
    return Adoptable(
        resource=str(server.id),
        name=server.name,
        description=kind if isinstance(kind, str) else None,
        state=_state(server),
    )


def _state(server: Server) -> InstanceState:
    return InstanceState.RUNNING if server.status in _RUNNING else InstanceState.STOPPED


def _address(server: Server) -> str | None:
    public = server.public_net
    addresses = (public.ipv4, public.ipv6, *server.private_net)
    return next((address.ip for address in addresses if address is not None), None)
