"""Attribution: which cases of a batch make others wait."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from tests.fuzz.attackers.client import Case, FindingError, FuzzClient
from tests.fuzz.cases.flood_cases import FloodCase
from tests.fuzz.witnesses.stopwatch import Report, StopwatchProcess, Wait

_TRIES = 3
"""How often cases are sent again to see whether they starve others."""
_PAIRS, _SURPLUS = 6, 3
"""How often cases and nothing are sent in turn, and how much more often the cases must starve others."""
_FEW = 4
"""More cases than these that only together make others wait are load, not an attack."""
_CALM_SECONDS, _PAUSE_SECONDS = 5.0, 0.1
_SEARCH_SECONDS = 30.0
CaseT = TypeVar("CaseT")
log = logging.getLogger(__name__)


class Attribution:
    """Finds the cases that make others wait: those that do it again when they are sent again.

    ``report``: what the stopwatch measured in the last batch; ``unconfirmed``: whether a wait in it was too
    long, but not again with a few of the same cases.
    """

    def __init__(self, stopwatch: StopwatchProcess, client: FuzzClient) -> None:
        self.report = Report()
        self.unconfirmed = False
        self._stopwatch = stopwatch
        self._client = client
        self._patience = 0.0
        self._deadline = 0.0

    async def judge(self, cases: Sequence[Case], patience: float, *, thoroughly: bool) -> list[str]:
        """Return the findings about the waits since the last call.

        ``thoroughly``: find out which of ``cases`` are to blame; otherwise something else may be the cause.

        Raises:
            StopwatchError: it has ended.
        """
        self.report, self.unconfirmed = await self._stopwatch.report(), False
        if not self.report.starved:
            return []
        what = _longest(self.report.starved)
        if thoroughly:
            self._patience, self._deadline = patience, time.monotonic() + _SEARCH_SECONDS
            cases = await self._guilty(cases)
            if not 0 < len(cases) <= _FEW or not await self._confirmed(cases):
                self.unconfirmed = True
                log.info("%s, but not again because of a few cases", what)
                return []
        return [f"{what}\n  after {cases!r}"]

    async def calm(self) -> None:
        """Wait until nobody waits."""
        deadline = time.monotonic() + _CALM_SECONDS
        while (await self._stopwatch.report()).starved and time.monotonic() < deadline:
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _guilty(self, cases: Sequence[Case]) -> Sequence[Case]:
        """Return the smallest part of ``cases`` that starves others, if any. Floods are suspected first."""
        floods = [case for case in cases if isinstance(case, FloodCase)]
        for suspects in (floods, cases):
            if suspects and await self._starves(suspects):
                return await smallest(suspects, self._starves)
        return ()

    async def _starves(self, cases: Sequence[Case]) -> bool:
        """Return whether others wait when ``cases`` are sent again."""
        for _ in range(_TRIES):
            if time.monotonic() > self._deadline:
                return False
            await self.calm()
            await asyncio.gather(*(self._again(case, place) for place, case in enumerate(cases)))
            if (await self._stopwatch.report()).starved:
                return True
        return False

    async def _confirmed(self, cases: Sequence[Case]) -> bool:
        """Return whether others wait when ``cases`` are sent, and don't if nothing is sent as long.

        On a busy machine they may wait at any time, whatever is sent.
        """
        attacks = controls = 0
        for _ in range(_PAIRS):
            await self.calm()
            began = time.monotonic()
            await asyncio.gather(*(self._again(case, place) for place, case in enumerate(cases)))
            attacks += bool((await self._stopwatch.report()).starved)
            seconds = time.monotonic() - began
            await self.calm()
            await asyncio.sleep(seconds)
            controls += bool((await self._stopwatch.report()).starved)
            if attacks >= controls + _SURPLUS:
                return True
        return False

    async def _again(self, case: Case, place: int) -> None:
        with suppress(FindingError):
            await self._client.send(case, place, self._patience)


async def smallest(
    cases: Sequence[CaseT], starves: Callable[[Sequence[CaseT]], Awaitable[bool]]
) -> Sequence[CaseT]:
    """Return the smallest part of ``cases`` found that still ``starves``: by halves, and halves of those.

    Returns ``cases`` themselves if neither half does so alone.
    """
    while len(cases) > 1:
        middle = len(cases) // 2
        for half in (cases[:middle], cases[middle:]):
            if await starves(half):
                cases = half
                break
        else:
            return cases
    return cases


def _longest(waits: list[Wait]) -> str:
    wait = max(waits, key=lambda one: one.counted)
    still = " and waits still" if wait.pending else ""
    return (
        f"{len(waits)} waited: {wait.kind} for {wait.seconds * 1000:.0f} ms{still},"
        f" {wait.counted * 1000:.0f} ms of it not for the machine"
    )
