"""Each example of ``docs/bots.md`` does what the page says, as it is written there."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from opsroom_messaging.client.connection import connect
from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.deployment.broker_accounts import create_accounts
from opsroom_messaging.deployment.private_files import OPERATOR, bot_user, context_file, password_file
from opsroom_testkit.waiting import until_answer
from tests.documentation.cookbook import ROOT, Library, recipes
from tools.launcher.tests.portal.test_up import ready_portal

PAGE = (ROOT / "docs" / "bots.md").read_text(encoding="utf-8")
EXAMPLE_ID = "bot-4958f40b-66f3-5909-accb-ac1143d7ea5f"
SECONDS = 60.0


def blocks(language: str) -> list[str]:
    """Return the examples in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


async def run(environ: dict[str, str], *argv: str) -> str:
    """Run a program. Returns its output."""
    process = await asyncio.create_subprocess_exec(*argv, env=environ, stdout=PIPE, stderr=STDOUT)
    async with asyncio.timeout(SECONDS):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


def test_the_page_has_its_examples() -> None:
    assert [len(blocks(language)) for language in ("sh", "python", "bash", "console")] == [2, 2, 1, 1]
    for language in ("python", "bash", "console"):
        assert len([line for line in blocks(language)[0].splitlines() if line]) <= 10


@pytest.mark.timeout(180)
async def test_every_example_sends_its_message_once(tmp_path: Path) -> None:
    users = tmp_path / "users"
    async with ready_portal("--data", str(tmp_path)) as portal:
        environ = {**os.environ, "OPSROOM_URL": portal.web, "NO_COLOR": "1"}
        admin = (users / "admin" / "token").read_text().strip()
        command = f"{sys.executable} -m opsroom_client"
        create, send = (
            block.replace("./opsroom ", "opsroom ").replace("opsroom ", f"{command} ")
            for block in blocks("sh")
        )
        made = await run({**environ, "OPSROOM_TOKEN": admin}, "sh", "-ec", create)
        token = made.splitlines()[0]
        bot_id = token.partition(".")[0]
        environ["OPSROOM_TOKEN"] = token
        access = Credentials(OPERATOR, password_file(users, OPERATOR))
        broker = await connect(portal.nats, name=OPERATOR, credentials=access)
        shell = Library(broker, context_file(users))
        (recipe,) = recipes(PAGE)
        try:
            for _ in range(2):
                await run(environ, "sh", "-ec", send)
                await run(environ, sys.executable, "-c", blocks("python")[0])
                await run(environ, "bash", "-ec", blocks("bash")[0])
                output = await shell.run([part.replace(EXAMPLE_ID, bot_id) for part in recipe.argv])
                assert not recipe.missing_from(output.replace("true", "false"))
        finally:
            await broker.close()
        async with httpx.AsyncClient(
            base_url=portal.web, headers={"Authorization": f"Bearer {token}"}, timeout=30
        ) as client:
            found = (await client.get("/api/v1/chat/rooms/general/messages")).json()["messages"]
        assert [one["text"] for one in found] == [f"1.4.{number} is out" for number in range(4)]
        assert {(one["user"]["id"], one["user"]["name"]) for one in found} == {(bot_id, "deploy")}
        assert await portal.stop() == 0


@asynccontextmanager
async def program(source: str, environ: dict[str, str]) -> AsyncIterator[None]:
    """Run a program of Python, which ends when it is killed."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", source, env=environ)
    try:
        yield
        assert process.returncode is None, "it has ended"
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.timeout(180)
async def test_the_bot_with_a_command_is_offered_and_answers(tmp_path: Path) -> None:
    users = tmp_path / "users"
    create_accounts(users, "nats://127.0.0.1:4222", bots=["ship"])
    async with ready_portal("--data", str(tmp_path)) as portal:
        password = password_file(users, bot_user("ship")).read_text().strip()
        address = portal.nats.replace("nats://", f"nats://{bot_user('ship')}:{password}@")
        headers = {"Authorization": f"Bearer {(users / 'admin' / 'token').read_text().strip()}"}
        async with (
            program(blocks("python")[1], {**os.environ, "NATS_URL": address}),
            httpx.AsyncClient(base_url=portal.web, headers=headers, timeout=30) as client,
        ):
            registered = await client.post("/api/v1/chat/users", json={"name": "Ann"})
            client.headers["Authorization"] = f"Bearer {registered.json()['token']}"

            async def ask(path: str) -> list[dict[str, Any]]:
                found: dict[str, list[dict[str, Any]]] = (await client.get(f"/api/v1/chat/{path}")).json()
                return found[path.rpartition("/")[2]]

            offered = await until_answer(lambda: ask("commands"), bool, SECONDS)
            assert [(one["name"], one["bot"]) for one in offered] == [("deploy", "ship")]
            said = await client.post("/api/v1/chat/rooms/general/messages", json={"text": "/deploy web"})
            assert said.status_code == 201, said.text
            room = await until_answer(
                lambda: ask("rooms/general/messages"), lambda found: len(found) > 1, SECONDS
            )
            assert room[-1]["text"] == "Ann has deployed web."
        assert await portal.stop() == 0
