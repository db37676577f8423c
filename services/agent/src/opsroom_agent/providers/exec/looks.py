"""Runs of a program that only look: at a server, at all of them, or at what can be adopted."""

import asyncio
import logging
from collections.abc import Sequence
from typing import TypeVar

from pydantic import TypeAdapter

from opsroom_agent.program import OUTPUT_MAX, Program, ProgramMissingError, RunError, RunLimits
from opsroom_agent.providers.exec.messages import (
    ADOPTABLE,
    LIST,
    STATE,
    ProgramListed,
    ProgramRequest,
    ProgramState,
)
from opsroom_contracts.agents.protocol import (
    OBSERVE_MAX,
    AdoptableReply,
    Listed,
    Observation,
    ObserveReply,
    ObserveRequest,
    ProviderListReply,
    ProviderListRequest,
    ServerRef,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.codec import ContractError, decode, encode
from opsroom_contracts.serialization.model import copy_fields
from opsroom_runtime.process import cancel_and_wait

ValueT = TypeVar("ValueT")

log = logging.getLogger(__name__)


class LookError(Exception):
    """A run that only looks had no usable outcome. The message says why."""


class Looks:
    """Looks through ``program``. ``portal``: the id that it marks servers with.

    Of a list with several pages, all pages are from one run.
    """

    def __init__(self, program: Program, *, portal: str, limits: RunLimits) -> None:
        self._program = program
        self.portal = portal
        self._seconds = limits.seconds
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._listed: Sequence[ProgramListed] = ()

    async def look(self, server: ServerRef) -> Observation | None:
        """Return a server, or None if it is gone.

        Raises:
            LookError: it can't be observed.
        """
        return observation(server, await self._run("observe", STATE, server))

    async def observe(self, request: ObserveRequest) -> ObserveReply:
        """Look at servers. What can't be observed within the time is left out."""
        looks = {asyncio.ensure_future(self.look(server)): server.id for server in request.servers}
        try:
            done, _ = await asyncio.wait(looks, timeout=self._seconds)
        finally:
            await cancel_and_wait(looks)
        found, gone = [], []
        for look in done:
            if isinstance(error := look.exception(), LookError):
                log.warning("server %s can't be observed: %s", looks[look], error)
            elif (seen := look.result()) is None:
                gone.append(looks[look])
            else:
                found.append(seen)
        return ObserveReply(found=tuple(found), gone=tuple(gone))

    async def page(self, request: ProviderListRequest) -> ProviderListReply:
        """Return a page of servers.

        Raises:
            FaultError: ``unavailable``: the program has no usable outcome.
        """
        if request.after is None or not self._listed:
            listed = (await self._run_or_refuse("list", LIST)).servers
            self._listed = sorted(listed, key=lambda one: one.id)
        rest = [one for one in self._listed if request.after is None or one.id > request.after]
        shown, more = rest[: request.limit], len(rest) > request.limit
        if not more:
            self._listed = ()
        return ProviderListReply(
            servers=tuple(copy_fields(one, Listed) for one in shown), next=shown[-1].id if more else None
        )

    async def adoptable(self) -> AdoptableReply:
        """Return what can be adopted.

        Raises:
            FaultError: ``unavailable``: the program has no usable outcome.
        """
        found = sorted(
            (await self._run_or_refuse("adoptable", ADOPTABLE)).resources, key=lambda one: one.name
        )
        return AdoptableReply(resources=tuple(found[:OBSERVE_MAX]), more=len(found) > OBSERVE_MAX)

    async def _run_or_refuse(self, verb: str, contract: TypeAdapter[ValueT]) -> ValueT:
        try:
            return await self._run(verb, contract)
        except LookError as error:
            raise refuse(ErrorCode.UNAVAILABLE, str(error)[:1000]) from error

    async def _run(self, verb: str, contract: TypeAdapter[ValueT], server: ServerRef | None = None) -> ValueT:
        request = ProgramRequest(portal=self.portal, server=server)
        try:
            async with self._slots:
                run = await self._program.run(verb, encode(request) + b"\n", timeout=self._seconds)
        except (RunError, ProgramMissingError) as error:
            raise LookError(str(error)) from error
        if run.code != 0:
            raise LookError(f"{verb} has exited with {run.code}: {run.errors or 'without a reason'}")
        try:
            return decode(contract, run.last, OUTPUT_MAX)
        except ContractError as error:
            raise LookError(f"the last line of {verb}: {error}") from error


def observation(server: ServerRef, seen: ProgramState) -> Observation | None:
    """Return what a program says of a server; None if it is gone."""
    if seen.state == "gone":
        return None
    return Observation(
        id=server.id,
        state=seen.state,
        resource=server.resource,
        address=seen.address,
        condition=seen.condition,
        reason=seen.reason,
    )
