"""A gateway in token mode, a token of each role, and what the audit has about it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from opsroom_contracts.identity import Role
from opsroom_gateway.auth.static_tokens import make_token
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.portal import Address, Portal, gateway_settings, serving

Entry = dict[str, Any]
AUDIT = "/api/v1/audit"
USERS = "/api/v1/chat/users"
MESSAGES = "/api/v1/chat/rooms/general/messages"
INSTANCES = "/api/v1/cloud/instances"
EVENTS = "/api/v1/cloud/events"
OPERATION = "/api/v1/cloud/operations/none"
SESSION = "/api/v1/session"


class Tokens:
    """The file of tokens, and the tokens themselves by role."""

    def __init__(self, file: Path) -> None:
        self.file = file
        made = {role: make_token(f"the {role}", role) for role in Role}
        self.by_role = {role: token for role, (token, _) in made.items()}
        self.lines = {role: line for role, (_, line) in made.items()}
        self.write(*Role)

    def write(self, *roles: Role) -> None:
        """Have only these in the file."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text("# who may do what\n\n" + "\n".join(self.lines[role] for role in roles) + "\n")
        fresh.replace(self.file)

    def header(self, role: Role) -> dict[str, str]:
        """The proof of a role."""
        return {"Authorization": f"Bearer {self.by_role[role]}"}


@asynccontextmanager
async def guarded(portal: Portal, tokens: Tokens, **more: object) -> AsyncIterator[Address]:
    """A gateway in token mode."""
    changed = {"access": "token", "tokens_file": tokens.file} | more
    async with serving(portal.url, gateway_settings(**changed)) as address:
        yield address


def bearer(token: str) -> dict[str, str]:
    """The header that proves."""
    return {"Authorization": f"Bearer {token}"}


async def registered(
    client: httpx.AsyncClient, name: str | None, headers: dict[str, str] | None = None
) -> str:
    """Register; answers the token."""
    answer = await client.post(USERS, json={} if name is None else {"name": name}, headers=headers or {})
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


async def audited(client: httpx.AsyncClient, tokens: Tokens, target: str | None, count: int) -> list[Entry]:
    """The last ``count`` entries about ``target``, as soon as there are so many."""

    async def ask() -> list[Entry]:
        answer = await client.get(AUDIT, params={"limit": 200}, headers=tokens.header(Role.ADMIN))
        assert answer.status_code == 200, answer.text
        entries = [record["entry"] for record in answer.json()["entries"]]
        return [entry for entry in entries if target is None or entry.get("target") == target]

    return await until_answer(ask, lambda entries: len(entries) >= count)
