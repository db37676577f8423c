"""Claims on adopted containers, so that of two portals at one engine only one adopts a container.

A container that exists can't be given a label. A volume can have one, and creating a volume whose name exists
returns that one unchanged: so an empty volume named after the container says whose it is.
"""

from opsroom_agent.providers.docker.engine import Engine, EngineError, filters
from opsroom_agent.providers.docker.models import Volume, VolumeList
from opsroom_agent.providers.docker.views import INSTANCE_LABEL, PORTAL_LABEL

_PREFIX = "opsroom-adopted-"
_MISSING = 404
_IN_USE = 409


def claim_name(container_id: str) -> str:
    """Return the name of the volume that claims a container."""
    return f"{_PREFIX}{container_id}"


class Claims:
    """The claims of ``portal``, and of others, at one engine. Methods raise as those of the engine do."""

    def __init__(self, engine: Engine, portal: str) -> None:
        self._engine = engine
        self._portal = portal

    async def take(self, container_id: str, instance_id: str) -> str | None:
        """Claim a container. Returns None, or the portal that has claimed it before."""
        labels = {PORTAL_LABEL: self._portal, INSTANCE_LABEL: instance_id}
        body = {"Name": claim_name(container_id), "Labels": labels}
        reply = await self._engine.change("POST", "/volumes/create", body=body)
        holder = (Volume.model_validate_json(reply).labels or {}).get(PORTAL_LABEL)
        return None if holder == self._portal else holder or "without a name"

    async def release(self, container_id: str) -> None:
        """Give up the claim on a container, if there is one."""
        try:
            await self._engine.change("DELETE", f"/volumes/{claim_name(container_id)}")
        except EngineError as error:
            if error.status not in {_MISSING, _IN_USE}:
                raise

    async def of_others(self) -> frozenset[str]:
        """Return the ids of the containers that other portals have claimed."""
        parameters = {"filters": filters(label=[PORTAL_LABEL])}
        listed = await self._engine.read("/volumes", VolumeList, parameters)
        return frozenset(
            volume.name.removeprefix(_PREFIX)
            for volume in listed.volumes or ()
            if volume.name.startswith(_PREFIX) and (volume.labels or {}).get(PORTAL_LABEL) != self._portal
        )
