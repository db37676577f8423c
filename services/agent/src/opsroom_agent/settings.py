"""Settings of the agent, read from the environment."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator

from opsroom_agent.providers.exec.settings import ExecSettings
from opsroom_agent.providers.hetzner.settings import HetznerSettings
from opsroom_agent.providers.simulated.settings import SimulatedSettings
from opsroom_contracts.agents.names import default_name
from opsroom_contracts.cloud.instances import SIMULATED, ProviderName
from opsroom_contracts.serialization.model import Identifier
from opsroom_messaging.settings import ServiceSettings


class ProviderKind(StrEnum):
    """The sorts of provider that this agent can be."""

    DOCKER = "docker"
    EXEC = "exec"
    HETZNER = "hetzner"
    SIMULATED = "simulated"


def _free_name(name: str) -> str:
    if name == SIMULATED:
        raise ValueError(f"must not be {SIMULATED}, the provider that is part of the cloud service")
    return name


class AgentSettings(ServiceSettings, ExecSettings, HetznerSettings, SimulatedSettings):
    """Settings. The environment variable of each field is its name in upper case with the prefix ``AGENT_``.

    Each kind of provider has further settings, in a class for each.
    ``provider``: its kind. ``name``: its name in the portal; by default the kind. ``portal``: the id with
    which the agent marks what it creates, so that two portals can share a provider. ``templates``: the file
    with the templates. ``state_dir``: a folder for what must survive a restart of the agent: without one, a
    restart of a server may be done twice if the agent dies meanwhile. ``docker_config``: the folder in which
    ``docker login`` keeps credentials of registries.
    """

    prefix: ClassVar[str] = "AGENT_"
    shared = ServiceSettings.shared | {"docker_config"}  # Docker's own variable

    provider: ProviderKind = ProviderKind.DOCKER
    name: Annotated[ProviderName, AfterValidator(_free_name)] | None = None
    portal: Identifier = "opsroom"
    templates: Path | None = None
    state_dir: Path | None = None
    docker_socket: Path = Path("/var/run/docker.sock")
    docker_config: Path | None = None

    def provider_name(self) -> str:
        """The name of the provider in the portal."""
        return self.name or default_name(self.provider)
