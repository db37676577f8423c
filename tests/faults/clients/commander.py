"""Sends commands for servers until they are accepted or refused, and races others on the same server."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

from opsroom_contracts.cloud.commands import COMMANDS, Command
from tests.faults.clients.http_client import Answer, request
from tests.faults.clients.recorder import Recorder, notify
from tests.faults.verification.cloud_history import Accepted, Conflict

COMMAND_PATH = "/api/v1/cloud/instances"
RETRIED = {"idempotency_in_flight", "unavailable", "overloaded"}
_LOST = {"operation_pending", "transition_invalid", "instance_not_found"}
"""How a command may be refused because another commander was faster."""
AGAIN_SECONDS = 0.1
_GUN_SECONDS = 3.0
"""All but one command of a round are refused, and each process audits one refusal a second for an address."""
_TRACKS = 3


class LaneEndedError(Exception):
    """A lane ends: a command was rejected unexpectedly, or the run is over."""


@dataclass(frozen=True, slots=True)
class Order:
    """A command for a server (empty for ``create``), which may be sent again with the same key.

    ``labels``: of a new server; commands for some must be approved.
    """

    command: str
    instance: str
    key: str
    labels: tuple[tuple[str, str], ...] = ()


class Commander:
    """One operator's commands."""

    def __init__(self, recorder: Recorder, ports: list[int], name: str, token: str) -> None:
        self.name = name
        self._recorder = recorder
        self._ports = ports
        self._headers = {"Authorization": f"Bearer {token}"}

    async def accepted(self, order: Order, *, repeated: bool = False) -> Accepted:
        """Send a command that must be accepted.

        Raises:
            LaneEndedError: it was refused, which is a violation, or the streams are other ones now.
        """
        result = await self.send(order, repeated=repeated)
        if isinstance(result, Accepted):
            return result
        raise LaneEndedError

    async def send(self, order: Order, *, repeated: bool = False, race: bool = False) -> Accepted | Conflict:
        """Send a command until there is a result. ``race``: it may be refused.

        Raises:
            LaneEndedError: as for `accepted`.
        """
        recorder, begun, life = self._recorder, time.time(), self._recorder.cloud
        recorder.history.ordered.add((order.command, self.name, order.instance))
        spec = COMMANDS[Command(order.command)]
        path = "/api/v1/cloud" + spec.path.format(instance_id=order.instance)
        body = {"labels": dict(order.labels)} if order.labels else None
        with recorder.trying(f"to {order.command}", self.name):
            while True:
                answer = await self.ask(spec.method, path, {"Idempotency-Key": order.key}, body)
                if life is not recorder.cloud:
                    raise LaneEndedError
                code = str(answer.body.get("code"))
                if answer.status == 202:
                    return self._accept(order, answer, begun, repeated=repeated)
                if race and code in _LOST and answer.status in {404, 409}:
                    conflict = Conflict(
                        order.command,
                        order.instance,
                        code,
                        answer.body.get("operationId", ""),
                        begun,
                        time.time(),
                        self.name,
                    )
                    recorder.refused(conflict)
                    return conflict
                if code not in RETRIED:
                    recorder.record_violation(f"{order.command} {order.key}: {answer.status} {answer.body}")
                    raise LaneEndedError
                await asyncio.sleep(AGAIN_SECONDS)

    def _accept(self, order: Order, answer: Answer, begun: float, *, repeated: bool) -> Accepted:
        operation = answer.body["operation"]
        accepted = Accepted(
            operation["id"],
            order.command,
            operation["instanceId"],
            order.key,
            begun,
            time.time(),
            actor=self.name,
        )
        self._recorder.accepted(accepted, repeated=repeated)
        return accepted

    async def cancel(self, accepted: Accepted) -> None:
        """Cancel a command, unless it is finished already.

        Raises:
            LaneEndedError: the streams are other ones now, perhaps without this command.
        """
        accepted.cancelling = True
        self._recorder.history.ordered.add(("cancel", self.name, accepted.operation))
        life = self._recorder.cloud
        with self._recorder.trying("to cancel", self.name):
            while True:
                answer = await self.ask("DELETE", f"/api/v1/cloud/operations/{accepted.operation}", {})
                code = answer.body.get("code")
                if life is not self._recorder.cloud:
                    raise LaneEndedError
                if code == "operation_finished":
                    return
                if answer.status == 200:
                    accepted.cancelled = True
                    return
                if code not in RETRIED:
                    self._recorder.record_violation(
                        f"cancelling {accepted.operation}: {answer.status} {answer.body}"
                    )
                    return
                await asyncio.sleep(AGAIN_SECONDS)

    async def is_over(self, operation: str) -> bool:
        """Ask whether an operation has ended, whatever the events said."""
        answer = await self.ask("GET", f"/api/v1/cloud/operations/{operation}", {})
        unfinished = {"pending", "awaiting_approval"}
        return answer.status == 200 and answer.body["operation"]["status"] not in unfinished

    async def denied(self, order: Order) -> None:
        """Send a command that the role of this client does not allow."""
        self._recorder.history.ordered.add((order.command, self.name, order.instance))
        spec = COMMANDS[Command(order.command)]
        path = "/api/v1/cloud" + spec.path.format(instance_id=order.instance)
        answer = await self.ask(spec.method, path, {"Idempotency-Key": order.key})
        self._recorder.denied += 1
        if answer.status != 403 and answer.body.get("code") not in RETRIED:
            self._recorder.record_violation(f"{self.name} may not {order.command}: {answer.status}")

    async def ask(self, verb: str, path: str, headers: dict[str, str], body: object = None) -> Answer:
        """Send a request to gateways at random until one responds.

        Raises:
            LaneEndedError: nobody did until the clients left.
        """
        while not self._recorder.leaving.is_set():
            try:
                notify(self._recorder.commanding)
                port = self._recorder.rng.choice(self._ports)
                return await request(port, verb, path, headers=headers | self._headers, body=body)
            except OSError:
                await asyncio.sleep(self._recorder.rng.uniform(0.02, 0.2))
        raise LaneEndedError


class RaceTrack:
    """A few servers on which commanders race: in each round, all of them command the same one at once."""

    def __init__(self, recorder: Recorder, commanders: list[Commander]) -> None:
        self._recorder = recorder
        self._commanders = commanders
        self._servers: list[str] = []
        self._round = 0

    async def run(self) -> None:
        """Race until the load ends."""
        while not self._recorder.stopping.is_set():
            self._round += 1
            with suppress(LaneEndedError):
                await self._race()
            await asyncio.sleep(self._recorder.rng.uniform(0.2, 1.0) * _GUN_SECONDS)

    async def _race(self) -> None:
        rng, life = self._recorder.rng, self._recorder.cloud
        if len(self._servers) < _TRACKS:
            first = rng.choice(self._commanders)
            created = await first.accepted(Order("create", "", f"race.{self._round}.create"))
            self._servers.append(created.instance)
            return
        server = rng.choice(self._servers)
        results = await asyncio.gather(
            *(self._start(commander, server) for commander in self._commanders), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, LaneEndedError):
                raise result
        gone = any(isinstance(one, Conflict) and one.code == "instance_not_found" for one in results)
        if gone or life is not self._recorder.cloud:
            self._servers.remove(server)
        winner = next((one for one in results if isinstance(one, Accepted)), None)
        if winner is not None and rng.random() < 0.1:  # two of them cancel it at once
            await asyncio.gather(*(one.cancel(winner) for one in rng.sample(self._commanders, 2)))

    async def _start(self, commander: Commander, server: str) -> Accepted | Conflict:
        commands = ("start", "stop", "restart", "start", "stop", "restart", "start", "stop", "remove")
        command = self._recorder.rng.choice(commands)
        key = f"race.{self._round}.{commander.name}"
        return await commander.send(Order(command, server, key), race=True)
