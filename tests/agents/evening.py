"""An evening of incidents: from the alert to the report, said and done by people over HTTP.

People repeat what got no answer, with the same key. So whatever is killed, each thing is done once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx

from opsroom_contracts.identity import Role
from opsroom_gateway.auth.static_tokens import make_token
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.token_mode import bearer
from services.incidents.tests.formats.payloads import ALERT, alertmanager
from tests.agents.docker_rig import TEMPLATE
from tests.agents.portal import AgentPortal
from tests.agents.processes import Processes

SECONDS: Final = 120.0
"""How long anything may take while processes are killed; the lease of a killed agent has to expire."""
POLICY: Final = "restart label:env=prod"
_AGAIN: Final = frozenset({425, 429, 500, 502, 503, 504})
"""Answers after which a request is repeated."""
_ROOM: Final = "/api/v1/chat/rooms/general/messages"

Kill = Callable[[str], Awaitable[None]]
"""Called twice for each step, with its name: as it begins, and when its request is answered."""
Line = tuple[str, str, str]
"""Kind, author and text of a line of a report."""


def environs(portal: AgentPortal, url: str, tokens: Path) -> dict[str, dict[str, str]]:
    """Return the settings of all processes, by the names of their services."""
    common = {"NATS_URL": url, "LOG_LEVEL": "INFO"}
    return {
        "chat": {**common, "CHAT_REGISTRATION_SECONDS": "3600"},
        "cloud": {**common, "CLOUD_DELAY_SECONDS": "0.5", "CLOUD_APPROVALS": POLICY},
        "incidents": {**common, "INCIDENTS_COMMAND_ACK_SECONDS": "1"},
        "gateway": {**common, "GATEWAY_ACCESS": "token", "GATEWAY_TOKENS_FILE": str(tokens)},
        "agent": {**common, **portal.environ},
    }


@dataclass(frozen=True, slots=True)
class Town:
    """The people of the portal, and the hook of the monitor. ``people``: their headers, by their names."""

    client: httpx.AsyncClient
    people: Mapping[str, dict[str, str]]
    hook: str

    async def ask(
        self, method: str, path: str, who: str | None = None, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """Repeat a request until it is answered. ``key``: what its repetitions have in common."""
        return await _ask(self.client, method, path, {} if who is None else self.people[who], key, **more)


async def _ask(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    headers: Mapping[str, str],
    key: str | None = None,
    **more: Any,
) -> httpx.Response:
    named = {**headers, **({} if key is None else {"Idempotency-Key": key})}

    async def once() -> httpx.Response | None:
        try:
            response = await client.request(method, path, headers=named, **more)
        except httpx.TransportError:
            return None
        return None if response.status_code in _AGAIN else response

    answered = await until_answer(once, lambda found: found is not None, SECONDS)
    assert answered is not None
    assert answered.is_success, (method, path, answered.status_code, answered.text)
    return answered


class TokenFile:
    """Static tokens of Ann and Bob, who are operators, and of Ada, who is an admin."""

    def __init__(self, file: Path) -> None:
        self.file = file
        roles = {"ann": Role.OPERATOR, "bob": Role.OPERATOR, "ada": Role.ADMIN}
        made = {name: make_token(name, role) for name, role in roles.items()}
        self.tokens = {name: token for name, (token, _) in made.items()}
        file.write_text("".join(f"{line}\n" for _, line in made.values()))


@asynccontextmanager
async def town(processes: Processes, tokens: TokenFile) -> AsyncIterator[Town]:
    """Register the people, and let Ada make a hook for alerts."""
    url = f"http://127.0.0.1:{processes.port}"
    async with httpx.AsyncClient(base_url=url, timeout=15.0, verify=False) as client:
        people = {}
        for name, token in tokens.tokens.items():
            made = await _ask(client, "POST", "/api/v1/chat/users", bearer(token), json={"name": name})
            people[name] = bearer(made.json()["token"])
        body = {"name": "monitor", "room": "general"}
        hook = await _ask(client, "POST", "/api/v1/hooks", people["ada"], uuid4().hex, json=body)
        yield Town(client, people, hook.json()["path"])


class Evening:
    """One evening, about one server. ``name``: of the server, used in no other evening."""

    def __init__(self, town: Town, portal: AgentPortal, name: str, kill: Kill) -> None:
        self._town = town
        self._portal = portal
        self.name = name
        self._kill = kill
        self._thread = ""
        self.server = ""

    async def live(self) -> None:
        """Go from the alert to the report."""
        self.server = await self._portal.cloud.created(
            template=TEMPLATE, start=True, name=self.name, labels={"env": "prod"}
        )
        await self._step("alert", self._alert("firing"), self._card_is("firing"))
        self._thread = (await self._card())["id"]
        await self._step("incident", self._say("ann", "/incident"), self._says(("change", "ann", "opened")))
        logs = ("message", "opsroom", "")
        await self._step("logs", self._say("ann", f"/logs {self.name}"), self._says(logs))
        asks = ("card", "opsroom", "[running]")
        await self._step("restart", self._say("ann", f"/restart {self.name}"), self._says(asks))
        approves = ("message", "opsroom", "Approved: ")
        await self._step("approve", self._say("bob", f"/approve {self.name}"), self._says(approves))
        done = ("card", "opsroom", "[succeeded]")
        await self._step("done", self._nothing(), self._says(done))
        await self._step("resolved", self._alert("resolved"), self._card_is("resolved"))
        closed = ("change", "ann", "closed")
        await self._step("close", self._close(), self._says(closed))

    async def report(self, form: str = "json") -> httpx.Response:
        """Return the report, as Ann sees it."""
        path = f"/api/v1/incidents/{self._thread}/report"
        return await self._town.ask("GET", path, "ann", params={"format": form})

    async def lines(self) -> list[dict[str, Any]]:
        """Return the lines of the report."""
        found: list[dict[str, Any]] = (await self.report()).json()["lines"]
        return found

    async def card(self) -> dict[str, Any]:
        """Return the card of the alert."""
        found: dict[str, Any] = (await self._card())["card"]
        return found

    async def announcements(self) -> list[str]:
        """Return what the portal says in the thread about changes of the incident."""
        path = f"{_ROOM}/{self._thread}/thread"
        replies = (await self._town.ask("GET", path, "ann")).json()["replies"]
        return [one["text"] for one in replies if one["text"].endswith(("this thread.", "the incident."))]

    async def _step(
        self, name: str, request: Awaitable[object], holds: Callable[[], Awaitable[bool]]
    ) -> None:
        await self._kill(name)
        await request
        await self._kill(name)
        await until_answer(holds, bool, SECONDS)

    async def _nothing(self) -> None:
        """Wait for what was said before."""

    async def _alert(self, status: str) -> None:
        labels = {**ALERT["labels"], "instance": self.name}
        alert = {**ALERT, "status": status, "labels": labels, "fingerprint": self.name}
        body = alertmanager(alert, status=status, groupKey=f"{{}}:{self.name}")
        response = await self._town.ask("POST", f"{self._town.hook}/alertmanager", json=body)
        assert response.content == b"ok"

    async def _say(self, who: str, text: str) -> None:
        body = {"text": text, "thread": self._thread}
        await self._town.ask("POST", _ROOM, who, uuid4().hex, json=body)

    async def _close(self) -> None:
        path = f"/api/v1/incidents/{self._thread}/close"
        await self._town.ask("POST", path, "ann", uuid4().hex)

    async def _card(self) -> dict[str, Any]:
        page = (await self._town.ask("GET", _ROOM, "ann", params={"limit": 200})).json()["messages"]
        found = [one for one in page if (one.get("card") or {}).get("kind") == "alert"]
        (mine,) = [one for one in found if self.name in one["text"]]
        return dict(mine)

    def _card_is(self, status: str) -> Callable[[], Awaitable[bool]]:
        async def holds() -> bool:
            return bool((await self.card())["status"] == status)

        return holds

    def _says(self, wanted: Line) -> Callable[[], Awaitable[bool]]:
        """Return whether the report has a line of a kind, of an author, that begins with a text."""

        async def holds() -> bool:
            response = await self._town.client.get(
                f"/api/v1/incidents/{self._thread}/report?format=json", headers=self._town.people["ann"]
            )
            if response.status_code != 200:
                return False  # the incident is not open yet, or a process is being started
            return any(
                (one["kind"], one["who"]) == wanted[:2] and one["text"].startswith(wanted[2])
                for one in response.json()["lines"]
            )

        async def answered() -> bool:
            try:
                return await holds()
            except httpx.TransportError:
                return False

        return answered


def expected(name: str) -> dict[str, list[tuple[str, str]]]:
    """Return author and beginning of each line of the report of an evening, by the stream it is from."""
    return {
        "said": [
            ("monitor", "[resolved]"),
            ("ann", "/incident"),
            ("ann", f"/logs {name}"),
            ("opsroom", ""),
            ("ann", f"/restart {name}"),
            ("opsroom", f"[succeeded] restart {name}"),
            ("bob", f"/approve {name}"),
            ("opsroom", f"Approved: `{name}`."),
        ],
        "change": [
            ("ann", "opened the incident"),
            ("monitor", "reported: resolved"),
            ("ann", "closed the incident"),
        ],
        "operation": [
            ("ann", f"restart {name}: requested"),
            ("bob", f"restart {name}: approved"),
            ("ann", f"restart {name}: received"),
            ("ann", f"restart {name}: restarted"),
        ],
    }


async def judge(evening: Evening) -> None:
    """Compare the reports of an evening line by line, and the last state of the card."""
    lines = [one for one in await evening.lines() if one.get("event") != "working"]
    kinds = {"message": "said", "command": "said", "card": "said"}
    found: dict[str, list[tuple[str, str]]] = {}
    for one in lines:
        found.setdefault(kinds.get(one["kind"], one["kind"]), []).append((one["who"], one["text"]))
    wanted = expected(evening.name)
    assert found.keys() == wanted.keys(), found
    for stream, those in wanted.items():
        assert [who for who, _ in found[stream]] == [who for who, _ in those], found[stream]
        for (_, text), (_, begins) in zip(found[stream], those, strict=True):
            assert text.startswith(begins), found[stream]
    assert (await evening.card())["status"] == "resolved"
    text = (await evening.report("md")).text
    entries = [one for one in text.splitlines() if one.startswith("- 2") and "(operation)" not in one]
    assert len(entries) == len(wanted["said"]) + len(wanted["change"]), text
    for kind, count in (("command", 4), ("card", 2), ("message", 2), ("change", 3)):
        assert sum(f" ({kind})" in one for one in entries) == count, text
    assert "- Status: closed" in text
    said = await until_answer(evening.announcements, lambda found: len(found) >= 2, SECONDS)
    assert said == ["ann opened an incident in this thread.", "ann closed the incident."]
