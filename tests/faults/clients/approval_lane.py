"""Lanes of commands that must be approved: others approve and deny them at once, or nobody does."""

import asyncio
import time
from contextlib import suppress
from typing import Literal

from tests.faults.clients.commander import AGAIN_SECONDS, RETRIED, Commander, LaneEndedError, Order
from tests.faults.clients.operator_clients import OperatorClient
from tests.faults.clients.recorder import Recorder
from tests.faults.clients.texts import LABELS
from tests.faults.verification.cloud_history import Accepted, Decided

_STEPS = ("start", "stop", "restart")
_PAUSE_SECONDS = 2.0
"""Most decisions of a round are refused, and each process audits one refusal a second for an address."""
_GONE = frozenset({"removed"})
_NO_EFFECT = frozenset({"cancelled", "failed", "denied", "expired"})

Decision = Literal["approve", "deny"]


class ApprovalLane:
    """Commands of ``author``, about which ``others`` decide, who are operators, too."""

    def __init__(self, recorder: Recorder, author: OperatorClient, others: list[Commander]) -> None:
        self.name = f"{author.name}, approvals"
        self._recorder = recorder
        self._author = author
        self._others = others

    async def run(self) -> None:
        """Take servers through their lives until the load ends."""
        await self._author.ready.wait()
        life = 0
        while not self._recorder.stopping.is_set():
            life += 1
            with suppress(LaneEndedError):
                await self._live(f"{self._author.name}.approvals.{life}")

    async def _live(self, key: str) -> None:
        rng = self._recorder.rng
        server = await self._created(f"{key}.create")
        state = "stopped"
        for turn in range(rng.randrange(2, 6)):
            valid = [one for one in _STEPS if (one == "start") == (state == "stopped")]
            end = await self._command(Order(rng.choice(valid), server, f"{key}.{turn}"))
            if end in {"started", "restarted"}:
                state = "running"
            elif end == "stopped":
                state = "stopped"
            await asyncio.sleep(rng.uniform(0.5, 1.0) * _PAUSE_SECONDS)
        attempt = 0
        while True:
            attempt += 1
            if await self._command(Order("remove", server, f"{key}.remove.{attempt}")) in _GONE:
                return

    async def _created(self, key: str) -> str:
        """Create a server with the labels that need approval; creating one needs none."""
        attempt = 0
        while True:
            attempt += 1
            order = Order("create", "", f"{key}.{attempt}", LABELS)
            accepted = await self._author.commander.accepted(order)
            if await self._author.final(accepted) not in _NO_EFFECT:
                return accepted.instance

    async def _command(self, order: Order) -> str:
        """Send a command, let others decide about it, and return the type of its final event."""
        accepted = await self._author.commander.accepted(order)
        dice = self._recorder.rng.random()
        if dice < 0.08 and not self._recorder.stopping.is_set():
            return await self._author.final(accepted)  # nobody decides: it expires
        if dice < 0.16:
            await asyncio.gather(self._vote(self._others[0], "approve", accepted), self._cancel(accepted))
        elif dice < 0.24:
            await self._own_vote(accepted)
            await self._decided("approve", "approve", accepted)
        elif dice < 0.6:
            await self._decided("approve", "deny", accepted)
        else:
            await self._decided("approve", "approve", accepted)
        return await self._author.final(accepted)

    async def _decided(self, first: Decision, second: Decision, accepted: Accepted) -> None:
        """Let two others decide at once, one of them twice."""
        voters = self._recorder.rng.sample(self._others, min(2, len(self._others)))
        votes = [self._vote(voters[0], first, accepted), self._vote(voters[0], first, accepted)]
        votes.append(self._vote(voters[-1], second, accepted))
        await asyncio.gather(*votes)

    async def _cancel(self, accepted: Accepted) -> None:
        await self._author.commander.cancel(accepted)

    async def _own_vote(self, accepted: Accepted) -> None:
        """The author may not approve."""
        if await self._vote(self._author.commander, "approve", accepted) not in {"forbidden", "not_awaiting"}:
            self._recorder.record_violation(f"{self._author.name} approved {accepted.operation} itself")

    async def _vote(self, voter: Commander, decision: Decision, accepted: Accepted) -> str:
        """Decide until there is a result. Returns the code of a refusal; empty: the decision counts."""
        recorder, life, asked = self._recorder, self._recorder.cloud, time.time()
        path = f"/api/v1/cloud/operations/{accepted.operation}/{decision}"
        with recorder.trying(f"to {decision}", voter.name):
            while True:
                answer = await voter.ask("POST", path, {}, {})
                if life is not recorder.cloud:
                    raise LaneEndedError
                code = "" if answer.status == 200 else str(answer.body.get("code"))
                if code in {"", "not_awaiting", "forbidden", "transition_invalid"}:
                    recorder.decided(
                        Decided(accepted.operation, decision, voter.name, code, asked, time.time())
                    )
                    return code
                if code not in RETRIED:
                    recorder.record_violation(
                        f"{voter.name}: {decision} {accepted.operation}: {answer.status} {answer.body}"
                    )
                    raise LaneEndedError
                await asyncio.sleep(AGAIN_SECONDS)
