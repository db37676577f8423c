"""Read positions of each person: merged, and stored about once a second."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from opsroom_chat.domain import reads as rules
from opsroom_messaging.errors import OverloadedError, UnavailableError

_SECONDS = 1.0
"""The least time between two writes for one person."""
_PEOPLE_MAX = 20_000


@dataclass(slots=True)
class _Person:
    """Positions of one person that wait to be stored, and who waits for them."""

    positions: dict[str, int] = field(default_factory=dict)
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class PacedReads:
    """Merges the positions of each person, and stores them together, at most once a second.

    The first of a person is stored at once. There is a task for each person with recent positions.
    """

    def __init__(self, store: Callable[[str, Mapping[str, int]], Awaitable[None]]) -> None:
        self._store = store
        self._people: dict[str, _Person] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def put(self, user_id: str, positions: Mapping[str, int]) -> None:
        """Return once these positions are stored.

        Raises:
            OverloadedError: those of too many people wait.
            FaultError, UnavailableError: as ``store``.
        """
        person = self._people.get(user_id)
        if person is None:
            if len(self._people) >= _PEOPLE_MAX:
                raise OverloadedError(f"the positions of {_PEOPLE_MAX} people wait to be stored")
            person = self._people[user_id] = _Person()
            task = asyncio.create_task(self._run(user_id, person))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        person.positions = rules.merged(person.positions, positions)
        await asyncio.shield(person.done)

    async def close(self) -> None:
        """Stop; requests that wait get ``UnavailableError``."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    async def _run(self, user_id: str, person: _Person) -> None:
        try:
            await asyncio.sleep(0)  # what arrived together is stored together
            while person.positions:
                positions, done = person.positions, person.done
                person.positions, person.done = {}, asyncio.get_running_loop().create_future()
                await self._store_now(user_id, positions, done)
                await asyncio.sleep(_SECONDS)
        finally:
            del self._people[user_id]
            if person.positions:
                person.done.set_exception(UnavailableError("stopping"))
            else:
                person.done.cancel()

    async def _store_now(
        self, user_id: str, positions: Mapping[str, int], done: asyncio.Future[None]
    ) -> None:
        try:
            await self._store(user_id, positions)
        except asyncio.CancelledError:
            done.set_exception(UnavailableError("stopping"))
            raise
        except Exception as error:  # noqa: BLE001 - it goes to those who wait
            done.set_exception(error)
            done.exception()  # retrieved, even if nobody waits any more
        else:
            done.set_result(None)
