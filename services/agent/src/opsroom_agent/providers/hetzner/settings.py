"""Settings of the provider of Hetzner Cloud."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from opsroom_runtime.settings import Settings


class HetznerSettings(Settings):
    """Part of the agent's settings.

    ``hetzner_token_file``: the file with the API token of a project, with the right to write.
    ``hetzner_url``: the API. ``hetzner_stop_seconds``: how long a server may take to shut down before its
    power is cut.
    """

    hetzner_token_file: Path | None = None
    hetzner_url: Annotated[str, Field(pattern=r"^https?://")] = "https://api.hetzner.cloud/v1"
    hetzner_stop_seconds: Annotated[float, Field(ge=0, le=600)] = 60.0
