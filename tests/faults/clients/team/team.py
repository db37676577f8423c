"""A team: people with two devices each, in rooms whose members change."""

import asyncio
import time
from collections.abc import Coroutine

from tests.faults.clients.recorder import Recorder
from tests.faults.clients.team.board import Board
from tests.faults.clients.team.device import Device
from tests.faults.clients.team.hosts import RoomHost
from tests.faults.clients.team.inspector import Inspector
from tests.faults.clients.team.mate import Mate

_PRIVATE = 2
_PUBLIC = 1
_QUIET_SECONDS = 60.0
_LOOK_SECONDS = 0.2


class Team:
    """The people, and the hosts of their rooms. ``places``: the port and name of each gateway."""

    def __init__(
        self, recorder: Recorder, ports: list[int], places: dict[int, str], size: int, pace: float
    ) -> None:
        self._recorder = recorder
        self._board = Board(recorder)
        self._mates = [Mate(recorder, ports, f"mate-{n}", self._board, pace) for n in range(size)]
        self._inspector = Inspector(recorder, self._board, self._mates, places)

    @property
    def devices(self) -> list[Device]:
        """All devices of all people."""
        return [device for mate in self._mates for device in mate.devices]

    def work(self) -> dict[str, Coroutine[None, None, None]]:
        """Return the work of those who end when the load does, by their names."""
        if not self._mates:
            return {}
        work = {f"{mate.name} at work": mate.run() for mate in self._mates}
        return work | {f"room {number}": self._host(number) for number in range(_PRIVATE + _PUBLIC + 1)}

    async def _host(self, number: int) -> None:
        """Run the host of one room, once everybody has registered."""
        while not all(mate.account.owner for mate in self._mates) and not self._recorder.stopping.is_set():
            await asyncio.sleep(_LOOK_SECONDS)
        owner = self._mates[number % len(self._mates)]
        guests = [mate for mate in self._mates if mate is not owner]
        host = RoomHost(self._recorder, self._board, owner, guests, private=number < _PRIVATE)
        if number == _PRIVATE + _PUBLIC:
            host = RoomHost(self._recorder, self._board, owner, guests[:2], private=True)
            await host.talk_directly()
        else:
            await host.run(f"room {number}")

    async def settle(self) -> None:
        """Wait until all devices agree, or too long."""
        deadline = time.time() + _QUIET_SECONDS
        while time.time() < deadline:
            for mate in self._mates:
                await mate.keep_up()
            if all(self._agree(mate) for mate in self._mates):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def _agree(self, mate: Mate) -> bool:
        counts = [
            {room: (one.read, one.unread, one.mentions) for room, one in device.unread.rooms.items()}
            for device in mate.devices
        ]
        return all(one and one == counts[0] for one in counts)

    async def compare(self) -> None:
        """Record what devices, gateways, searches and files show at rest."""
        if self._mates:
            await self._inspector.inspect()
