"""Says what processes have not said that died after they had stored a change of an incident."""

from functools import partial
from typing import Final

from opsroom_contracts.errors import FaultError
from opsroom_contracts.incidents.incidents import UnsaidChange
from opsroom_incidents.incidents.keeper import IncidentKeeper
from opsroom_incidents.incidents.store import IncidentStore
from opsroom_runtime.duties import Duty, attempt_all

_INTERVAL_SECONDS: Final = 2.0
"""How often all processes look: short, because a team waits for what its thread says."""


class CatchUp:
    """Looks for changes that are not said. Several processes may say the same one: it is stored once."""

    def __init__(self, store: IncidentStore, keeper: IncidentKeeper) -> None:
        self._store = store
        self._keeper = keeper

    def duties(self) -> tuple[Duty, ...]:
        """Return the periodic work."""
        return (Duty("unsaid changes", self._say, _INTERVAL_SECONDS),)

    async def _say(self) -> None:
        by_incident: dict[str, list[UnsaidChange]] = {}
        for one in await self._store.unsaid():
            by_incident.setdefault(one.id, []).append(one)
        changes = [partial(self._say_all, unsaid) for unsaid in by_incident.values()]
        await attempt_all(changes, expected=(FaultError,))

    async def _say_all(self, unsaid: list[UnsaidChange]) -> None:
        """Say the changes of one incident, one after the other, so that they are in order."""
        for one in unsaid:
            await self._keeper.catch_up(one)
