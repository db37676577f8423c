"""All settings of a gateway process."""

from opsroom_gateway.legacy.settings import LegacySettings
from opsroom_gateway.settings import GatewaySettings


class ProcessSettings(LegacySettings, GatewaySettings):
    """The gateway's settings and those of the course contract, from one environment."""
