"""Commands of bots at the gateway: which there are, who may say them, and what is refused."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from nats.micro.request import Request

from opsroom_contracts.identity import Role
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.incidents import incidents_at
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.token_mode import (
    MESSAGES,
    Tokens,
    bearer,
    registered,
    token_mode_gateway,
)
from services.incidents.tests.bots import running_bot

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMMANDS = "/api/v1/chat/commands"


async def _answer(request: Request) -> None:
    await request.respond(b'{"text": "Deployed."}')


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def bots(portal: Portal) -> AsyncIterator[None]:
    """Bots that offer ``/deploy`` to operators, and ``/wipe`` to admins."""
    async with (
        running_bot(portal.url, "ship", _answer),
        running_bot(portal.url, "broom", _answer, command="wipe", help="Remove all", role="admin"),
        incidents_at(portal.url),
    ):
        yield


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """A token file with one token per role."""
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def strict(portal: Portal, tokens: Tokens, bots: None) -> AsyncIterator[Address]:
    """A gateway in token mode, which accepts guests."""
    async with token_mode_gateway(portal, tokens) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module")
async def client(strict: Address) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with strict.requests() as client:
        yield client


async def test_everybody_who_may_chat_sees_them(client: httpx.AsyncClient) -> None:
    assert (await client.get(COMMANDS)).status_code == 401
    guest = bearer(await registered(client, "List guest"))
    found = (await client.get(COMMANDS, headers=guest)).json()["commands"]
    assert found == [
        {
            "name": "deploy",
            "bot": "ship",
            "help": "Deploy a service",
            "arguments": "SERVICE",
            "role": "operator",
        },
        {"name": "wipe", "bot": "broom", "help": "Remove all", "arguments": "SERVICE", "role": "admin"},
    ]


async def test_the_role_that_a_bot_asks_for_is_needed(client: httpx.AsyncClient, tokens: Tokens) -> None:
    async def say(headers: dict[str, str], text: str) -> tuple[int, str]:
        response = await client.post(MESSAGES, json={"text": text}, headers=headers)
        return response.status_code, response.json().get("detail", "")

    guest = bearer(await registered(client, "Role guest"))
    operator = bearer(await registered(client, "Role operator", tokens.header(Role.OPERATOR)))
    admin = bearer(await registered(client, "Role admin", tokens.header(Role.ADMIN)))
    assert await say(guest, "/deploy web") == (403, "/deploy of the bot ship needs the role operator")
    assert await say(operator, "/wipe it") == (403, "/wipe of the bot broom needs the role admin")
    assert (await say(operator, "/deploy web"))[0] == 201
    assert (await say(admin, "/wipe it"))[0] == 201

    async def said() -> list[tuple[str, str]]:
        messages = (await client.get(MESSAGES, headers=guest)).json()["messages"]
        return [(one["user"]["id"], one["text"]) for one in messages]

    found = await until_answer(said, lambda found: len(found) >= 4, 30)
    assert [text for _, text in found if text.startswith("/")] == ["/deploy web", "/wipe it"]
    answers = {("bot-nats-ship", "Deployed."), ("bot-nats-broom", "Deployed.")}
    assert {one for one in found if not one[1].startswith("/")} == answers


async def test_what_no_bot_offers_and_files_are_refused(client: httpx.AsyncClient, tokens: Tokens) -> None:
    operator = bearer(await registered(client, "Files operator", tokens.header(Role.OPERATOR)))
    for body, field in (
        ({"text": "/deploys web"}, "text"),
        ({"text": "/deploy web", "files": ["a-file"]}, "files"),
    ):
        response = await client.post(MESSAGES, json=body, headers=operator)
        assert (response.status_code, response.json()["field"]) == (422, field)
