"""A gateway in token mode, a static token of each role, and access to the audit log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from opsroom_contracts.identity import Role
from opsroom_gateway.auth.static_tokens import make_token
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving

Entry = dict[str, Any]
AUDIT = "/api/v1/audit"
USERS = "/api/v1/chat/users"
MESSAGES = "/api/v1/chat/rooms/general/messages"
INSTANCES = "/api/v1/cloud/instances"
EVENTS = "/api/v1/cloud/events"
OPERATION = "/api/v1/cloud/operations/none"
SESSION = "/api/v1/session"


class Tokens:
    """The token file, and the tokens by role."""

    def __init__(self, file: Path) -> None:
        self.file = file
        made = {role: make_token(f"the {role}", role) for role in Role}
        self.by_role = {role: token for role, (token, _) in made.items()}
        self.lines = {role: line for role, (_, line) in made.items()}
        self.write(*Role)

    def write(self, *roles: Role) -> None:
        """Replace the file with the tokens of ``roles``."""
        new_file = self.file.with_suffix(".new")
        new_file.write_text("# who may do what\n\n" + "\n".join(self.lines[role] for role in roles) + "\n")
        new_file.replace(self.file)

    def header(self, role: Role) -> dict[str, str]:
        """Return the authorization header of a role."""
        return {"Authorization": f"Bearer {self.by_role[role]}"}


@asynccontextmanager
async def token_mode_gateway(portal: Portal, tokens: Tokens, **overrides: object) -> AsyncIterator[Address]:
    """Run a gateway in token mode."""
    settings = {"access": "token", "tokens_file": tokens.file} | overrides
    async with serving(portal.url, gateway_settings(**settings)) as address:
        yield address


def bearer(token: str) -> dict[str, str]:
    """Return the authorization header of a token."""
    return {"Authorization": f"Bearer {token}"}


async def registered(
    client: httpx.AsyncClient, name: str | None, headers: dict[str, str] | None = None
) -> str:
    """Register a user. Returns the token."""
    response = await client.post(USERS, json={} if name is None else {"name": name}, headers=headers or {})
    assert response.status_code == 201, response.text
    token: str = response.json()["token"]
    return token


async def audit_entries(
    client: httpx.AsyncClient, tokens: Tokens, target: str | None, count: int
) -> list[Entry]:
    """Return the entries about ``target`` as soon as there are ``count``."""

    async def ask() -> list[Entry]:
        response = await client.get(AUDIT, params={"limit": 200}, headers=tokens.header(Role.ADMIN))
        assert response.status_code == 200, response.text
        entries = [record["entry"] for record in response.json()["entries"]]
        return [entry for entry in entries if target is None or entry.get("target") == target]

    return await until_answer(ask, lambda entries: len(entries) >= count)
