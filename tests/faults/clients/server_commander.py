"""Sends commands for servers behind agents until they are accepted or refused, again with the same key."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from opsroom_contracts.cloud.commands import COMMANDS, Command
from tests.faults.clients.commander import AGAIN_SECONDS, RETRIED, Commander, LaneEndedError
from tests.faults.clients.http_client import Answer, Json
from tests.faults.clients.recorder import Recorder
from tests.faults.verification.agent_history import Refusal
from tests.faults.verification.cloud_history import Accepted, labels_text

_PATH = "/api/v1/cloud"
_AGAIN = RETRIED | {"provider_away"}
_REFUSALS = {"transition_invalid", "protected", "name_taken"}
"""How a command may be refused because of what happened outside, or of a client's own change."""


@dataclass(frozen=True, slots=True)
class ServerOrder:
    """A command for a server. ``instance``: its id, if it exists; ``target``: its id or its name.

    ``wish``: the name or the labels that it shall have.
    """

    command: str
    key: str
    method: str
    path: str
    instance: str = ""
    target: str = ""
    body: Mapping[str, object] | None = None
    wish: str = ""


def create(key: str, template: str, name: str, labels: dict[str, str], *, start: bool) -> ServerOrder:
    """Create a server; without a name it gets one."""
    body: Json = {"template": template, "start": start, "labels": labels} | ({"name": name} if name else {})
    return ServerOrder("create", key, "POST", f"{_PATH}/instances", body=body, wish=name)


def adopt(key: str, provider: str, resource: str) -> ServerOrder:
    """Take in what the provider runs already."""
    body = {"provider": provider, "resource": resource}
    return ServerOrder("adopt", key, "POST", f"{_PATH}/adoptions", target=resource, body=body)


def act(command: str, key: str, instance: str, target: str) -> ServerOrder:
    """Start, stop, restart or remove a server."""
    spec = COMMANDS[Command(command)]
    path = _PATH + spec.path.format(instance_id=quote(target))
    return ServerOrder(command, key, spec.method, path, instance, target)


def change(command: str, key: str, instance: str, target: str, value: object) -> ServerOrder:
    """Rename, label, protect or unprotect a server."""
    field = {"rename": "name", "label": "labels"}.get(command, "protected")
    wish = labels_text(value) if isinstance(value, dict) else value if isinstance(value, str) else ""
    path = f"{_PATH}/instances/{quote(target)}"
    return ServerOrder(command, key, "PATCH", path, instance, target, {field: value}, wish)


class ServerCommander:
    """One operator's commands for servers of ``provider``."""

    def __init__(self, recorder: Recorder, commander: Commander, provider: str) -> None:
        self._recorder = recorder
        self._commander = commander
        self._provider = provider

    async def send(self, order: ServerOrder, *, repeated: bool = False) -> Accepted | str:
        """Send a command until there is a result: an operation, or the code of its refusal.

        Raises:
            LaneEndedError: the refusal is a violation, or the streams are other ones now.
        """
        recorder, begun, life = self._recorder, time.time(), self._recorder.cloud
        for named in {order.instance, order.target}:
            recorder.history.ordered.add((order.command, self._commander.name, named))
        while True:
            headers = {"Idempotency-Key": order.key}
            answer = await self._commander.ask(order.method, order.path, headers, order.body)
            if life is not recorder.cloud:
                raise LaneEndedError
            code = str(answer.body.get("code"))
            if answer.status in {200, 202}:
                return self._accept(order, answer, begun, repeated=repeated)
            if code in _REFUSALS:
                self._refuse(order, code)
                return code
            if code not in _AGAIN:
                recorder.record_violation(f"{order.command} {order.key}: {answer.status} {answer.body}")
                raise LaneEndedError
            await asyncio.sleep(AGAIN_SECONDS)

    async def adoptable(self) -> list[str]:
        """Return what can be adopted; nothing if that is not known at this moment."""
        path = f"{_PATH}/providers/{self._provider}/adoptable"
        answer = await self._commander.ask("GET", path, {})
        return [str(one["resource"]) for one in answer.body.get("resources", ())]

    def _refuse(self, order: ServerOrder, code: str) -> None:
        agent = self._recorder.history.agent
        if agent is not None:
            agent.refused.append(Refusal(order.command, order.instance, code, time.time()))

    def _accept(self, order: ServerOrder, answer: Answer, begun: float, *, repeated: bool) -> Accepted:
        immediate = answer.status == 200
        operation = answer.body["operations"][0] if immediate else answer.body["operation"]
        accepted = Accepted(
            operation["id"],
            order.command,
            operation["instanceId"],
            f"{order.key}/{order.command}" if immediate else order.key,
            begun,
            time.time(),
            actor=self._commander.name,
            provider=self._provider,
            wish=order.wish,
        )
        self._recorder.accepted_behind_agent(accepted, immediate=immediate, repeated=repeated)
        return accepted
