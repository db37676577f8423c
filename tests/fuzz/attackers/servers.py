"""The client of the API of servers: a refused request has no effect, and no two servers have one name."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from services.gateway.tests.kit.portal import Address
from tests.fuzz.cases.server_cases import CASE, LABEL, OTHER, OWN, OWN_NAME, ServerCase, ServerStep

_API = "/api/v1/cloud"
_INSTANCES = f"{_API}/instances"
_STREAM_SECONDS = 0.2
_PAUSE_SECONDS = 0.03
_LATER = frozenset({"unavailable", "overloaded", "provider_away"})
"""The codes of 503, after which a client tries again."""
_WHOLE = ("body", "payload", "JSON")
"""Words of errors about a body as a whole, which have no field."""
_STOPS = frozenset({"stop", "restart", "remove"})
Shown = dict[str, Any]


def check_names(instances: list[Shown]) -> None:
    """No two servers have one name, and none has the id of another one as its name."""
    ids = {one["id"] for one in instances}
    owners: dict[str, str] = {}
    for one in instances:
        other = owners.setdefault(one["name"], one["id"])
        assert other == one["id"], f"two servers have the name {one['name']!r}: {other} and {one['id']}"
        clash = one["name"] in ids and one["name"] != one["id"]
        assert not clash, f"the name {one['name']!r} of {one['id']} is the id of another server"


def check_problem(response: httpx.Response) -> None:
    """An error is a problem with a code, and names the field that is wrong."""
    assert response.status_code != 500, f"answered 500: {response.text[:300]}"
    problem = response.json()
    assert problem["status"] == response.status_code, f"another status: {problem}"
    if response.status_code >= 500:
        assert problem["code"] in _LATER, f"answered {problem}"
    if problem["code"] == "invalid_request" and not problem.get("field"):
        assert any(word in problem["detail"] for word in _WHOLE), f"names no field: {problem}"


@dataclass(slots=True)
class _Program:
    """What a program knows about its servers: by id, their facts as they must be, and what is pending."""

    mark: str = field(default_factory=lambda: uuid4().hex)
    own: str = ""
    other: str = ""
    facts: dict[str, Shown] = field(default_factory=dict)
    pending: dict[str, str | None] = field(default_factory=dict)

    def filled(self, text: str) -> str:
        """Replace the placeholders."""
        name = self.facts.get(self.own, {}).get("name", "none")
        found = ((OWN_NAME, name), (OWN, self.own), (OTHER, self.other), (CASE, self.mark))
        for placeholder, value in found:
            text = text.replace(placeholder, value)
        return text


class ServerAttackers:
    """Runs programs at a gateway in ``open`` mode."""

    def __init__(self, gateway: Address) -> None:
        self._gateway = gateway

    async def send(self, case: ServerCase) -> None:
        """Run the programs of a case at once.

        Raises:
            AssertionError: a forbidden response or effect.
        """
        async with self._gateway.requests() as client:
            runs = [
                _Run(client).run(steps, case.names[2 * number : 2 * number + 2])
                for number, steps in enumerate(case.programs)
            ]
            outcomes = await asyncio.gather(*runs, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome


class _Run:
    """A run of one program."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._program = _Program()

    async def run(self, steps: tuple[ServerStep, ...], names: tuple[str | None, ...]) -> None:
        """Create two servers, send the steps, and remove what is left."""
        program = self._program
        try:
            program.own, program.other = [await self._create(name) for name in names]
            for step in steps:
                await self._step(step)
        finally:
            await self._clean_up()

    async def _create(self, name: str | None) -> str:
        body = {"labels": {LABEL: self._program.mark}}
        response = await self._client.post(_INSTANCES, json=body if name is None else body | {"name": name})
        if response.status_code == 409 and name is not None:
            assert response.json()["code"] == "name_taken", response.text
            return await self._create(None)
        assert response.status_code == 202, f"answered {response.status_code}: {response.text[:300]}"
        key: str = response.json()["operation"]["instanceId"]
        await self._compare({})
        return key

    async def _step(self, step: ServerStep) -> None:
        program, path = self._program, self._program.filled(step.path)
        body = None if step.body is None else self._marked(step, program.filled(step.body))
        if step.streams:
            await self._read(f"{_API}{path}")
            return
        headers = {"Content-Type": "application/json"}
        sent = None if body is None else body.encode("utf-8", "surrogatepass")
        response = await self._client.request(step.method, f"{_API}{path}", content=sent, headers=headers)
        if response.status_code >= 400:
            check_problem(response)
            await self._compare({}, refused=f"{step.method} {path} {body!r}: {response.text[:200]}")
            return
        changed: dict[str, Shown] = {}
        if step.method == "PATCH":
            instance = response.json()["instance"]
            changed[instance["id"]] = instance
            self._check_patch(json.loads(body or "{}"), instance)
        elif step.method == "POST" and path in {"/instances", "/adoptions"}:
            changed[response.json()["operation"]["instanceId"]] = {}
        elif step.method in {"POST", "DELETE"}:
            self._check_protection(response.json())
        await self._compare(changed)

    def _marked(self, step: ServerStep, body: str) -> str:
        """Add the mark to the labels of what is created, so that it is found again."""
        if step.method != "POST" or step.path not in {"/instances", "/adoptions"}:
            return body
        try:
            fields = json.loads(body or "{}")
        except ValueError:
            return body
        if isinstance(fields, dict) and isinstance(fields.get("labels", {}), dict):
            fields["labels"] = fields.get("labels", {}) | {LABEL: self._program.mark}
            return json.dumps(fields)
        return body

    def _check_patch(self, patch: Shown, instance: Shown) -> None:
        """Everything in an accepted change has taken effect."""
        labels = patch.get("labels") or {}
        assert patch.get("name") in {None, instance["name"]}, f"{patch} was accepted: {instance}"
        shown = instance.get("labels", {})
        wrong = [key for key, value in labels.items() if shown.get(key) != value]
        assert not wrong, f"{patch} was accepted: {instance}"
        assert patch.get("protected") in {None, instance.get("protected", False)}, f"{patch}: {instance}"

    def _check_protection(self, answer: Shown) -> None:
        """No operation that a protected server refuses was accepted."""
        results = answer.get("results", [answer])
        for operation in (one["operation"] for one in results if one.get("operation")):
            facts = self._program.facts.get(operation["instanceId"], {})
            forbidden = facts.get("protected") and operation["command"] in _STOPS
            assert not forbidden, f"a protected server accepted {operation}"

    async def _compare(self, changed: dict[str, Shown], refused: str | None = None) -> None:
        """Compare the servers of the program with what is known. ``changed``: those that a response names."""
        listed = await self._listed()
        check_names(listed)
        mine = {one["id"]: one for one in listed if one.get("labels", {}).get(LABEL) == self._program.mark}
        facts = self._program.facts
        for key, one in mine.items():
            now = {name: one.get(name) for name in ("name", "labels", "protected", "provider")}
            before, pending = facts.get(key), (one.get("pending") or {}).get("id")
            if refused is not None and pending is not None:
                assert pending == self._program.pending.get(key), f"begun by a refused request: {refused}"
            self._program.pending[key] = pending
            if before is None or key in changed:
                assert refused is None, f"created by a refused request: {one}, {refused}"
            else:
                assert now == before, f"{before} changed to {now} by a refused request: {refused}"
            facts[key] = now
        for key in facts.keys() - mine.keys():
            del facts[key]  # removed, or without the mark: its labels were changed

    async def _listed(self) -> list[Shown]:
        response = await self._client.get(_INSTANCES)
        assert response.status_code == 200, response.text[:300]
        found: list[Shown] = response.json()["instances"]
        return found

    async def _read(self, path: str) -> None:
        """Open a stream and read from it for a moment."""
        try:
            async with asyncio.timeout(_STREAM_SECONDS):
                async with self._client.stream("GET", path) as response:
                    if response.status_code >= 400:
                        await response.aread()
                        check_problem(response)
                        return
                    async for _ in response.aiter_bytes():
                        pass
        except TimeoutError:
            return

    async def _clean_up(self) -> None:
        """Remove all servers of the program."""
        known = {self._program.own, self._program.other}
        while True:
            mine = [
                one
                for one in await self._listed()
                if one["id"] in known or one.get("labels", {}).get(LABEL) == self._program.mark
            ]
            if not mine:
                return
            for one in mine:
                if one.get("protected"):
                    await self._client.patch(f"{_INSTANCES}/{one['id']}", json={"protected": False})
                if not one.get("pending"):
                    await self._client.delete(f"{_INSTANCES}/{one['id']}")
            await asyncio.sleep(_PAUSE_SECONDS)
