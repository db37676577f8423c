"""What a container is for the portal: an observation, an entry of a list, something that can be adopted."""

from opsroom_agent.providers.docker.models import Container, ContainerSummary
from opsroom_contracts.agents.protocol import Adoptable, Listed, Observation
from opsroom_contracts.cloud.commands import InstanceState
from opsroom_contracts.cloud.instances import Condition
from opsroom_contracts.serialization.model import copy_fields

PORTAL_LABEL = "opsroom.portal"
INSTANCE_LABEL = "opsroom.instance"
OPERATION_LABEL = "opsroom.operation"
NAME_LABEL = "opsroom.name"
TEMPLATE_LABEL = "opsroom.template"

_NO_FAILURE = frozenset({0, 130, 137, 143})
"""Exit codes of a program that has ended by itself, or was stopped or killed: that is what ``stop`` does."""
_RUNNING = frozenset({"running", "paused", "restarting"})
_TEXT_MAX = 255
_REASON_MAX = 500


def container_name(instance_id: str) -> str:
    """Return the name of the container of an instance."""
    return f"opsroom-{instance_id}"


def observation(instance_id: str, container: Container, *, adopted: bool) -> Observation:
    """Return what the portal should know of a container."""
    state = container.state
    reason = _failure(container)
    return Observation(
        id=instance_id,
        state=InstanceState.RUNNING if state.running or state.restarting else InstanceState.STOPPED,
        resource=container.id if adopted else None,
        address=_address(container) if state.running else None,
        condition=Condition.OK if reason is None else Condition.FAILED,
        reason=None if reason is None else reason[:_REASON_MAX],
    )


def listed(instance_id: str, container: Container) -> Listed:
    """Return the entry of a container in a list. A label that is no valid name is left out."""
    entry = copy_fields(observation(instance_id, container, adopted=False), Listed)
    name, template = container.label(NAME_LABEL), container.label(TEMPLATE_LABEL)
    return entry.model_copy(update={"name": name or None, "template": template or None})


def adoptable(container: ContainerSummary) -> Adoptable:
    """Return a container as something that can be adopted."""
    return Adoptable(
        resource=container.id,
        name=container.name[:_TEXT_MAX],
        description=f"{container.image}, {container.status}"[:_TEXT_MAX],
        state=InstanceState.RUNNING if container.state in _RUNNING else InstanceState.STOPPED,
    )


def _failure(container: Container) -> str | None:
    """Return why a container has failed; None if it has not."""
    state = container.state
    reasons = (
        (
            state.restarting,
            f"it ends and is started again and again; the last exit code was {state.exit_code}",
        ),
        (state.running, None),
        (state.oom_killed, "it was killed because it needed more memory than its limit"),
        (state.error != "", state.error),
        (state.exit_code not in _NO_FAILURE, f"it has ended with exit code {state.exit_code}"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def _address(container: Container) -> str | None:
    """Return where a container can be reached: its first published port, else its address in a network."""
    for bindings in (container.network_settings.ports or {}).values():
        for binding in bindings or ():
            if binding.host_port:
                host = binding.host_ip or "0.0.0.0"  # noqa: S104 - as the engine reports it
                return f"[{host}]:{binding.host_port}" if ":" in host else f"{host}:{binding.host_port}"
    networks = (container.network_settings.networks or {}).values()
    return next((network.ip_address for network in networks if network and network.ip_address), None)
