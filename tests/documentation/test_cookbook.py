"""Every command of ``docs/nats.md`` and ``docs/access.md`` does what the page says, on a live portal."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from opsroom_messaging.client.connection import connect
from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.deployment.private_files import OPERATOR, context_file, password_file
from opsroom_testkit.waiting import until, until_answer
from tests.documentation.cookbook import (
    ROOT,
    CommandLine,
    Library,
    Recipe,
    Shell,
    command_line,
    ids_in,
    recipes,
)
from tools.launcher.tests.portal.test_up import Portal, ready_portal

PAGE = [
    recipe
    for page in ("nats.md", "access.md")
    for recipe in recipes((ROOT / "docs" / page).read_text(encoding="utf-8"))
]
DELAY_SECONDS = "2"


@pytest.fixture(params=["the command line", "the client library"])
async def kitchen(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Portal, Shell]]:
    """A portal, and a shell for the page's commands as its operator."""
    nats = command_line()
    if request.param == "the command line" and nats is None:
        pytest.skip(
            "nats is not on PATH: GOBIN=$PWD/.opsroom/tools/bin"
            " go install github.com/nats-io/natscli/nats@latest"
        )
    users = tmp_path / "users"
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(
            ready_portal("--data", str(tmp_path), "--agent", "simulated", CLOUD_DELAY_SECONDS=DELAY_SECONDS)
        )
        await until(lambda: any("acting for provider lab" in line for line in running.lines))
        if request.param == "the command line" and nats is not None:
            yield running, CommandLine(nats, context_file(users))
        else:
            access = Credentials(OPERATOR, password_file(users, OPERATOR))
            broker = await connect(running.nats, name=OPERATOR, credentials=access)
            stack.push_async_callback(broker.close)
            yield running, Library(broker, context_file(users))
        assert await running.stop() == 0


def test_the_page_has_its_commands() -> None:
    verbs = {" ".join(recipe.argv[:2]) for recipe in PAGE}
    assert {"nats req", "nats pub", "nats sub", "nats micro", "nats stream", "nats kv", "curl -s"} <= verbs
    assert len(PAGE) >= 20


@pytest.mark.timeout(180)
async def test_every_command_does_what_the_page_says(kitchen: tuple[Portal, Shell]) -> None:
    portal, shell = kitchen
    cook = Cook(portal, shell)
    # The statistics that the page shows at its top are those after all the rest was done.
    for recipe in sorted(PAGE, key=lambda recipe: "$SRV" in recipe.command):
        await cook.cook(recipe)


class Cook:
    """Runs the page from top to bottom; ids that it printed then stand for those that are printed now."""

    def __init__(self, portal: Portal, shell: Shell) -> None:
        self._portal = portal
        self._shell = shell
        self._ids: dict[str, str] = {}

    async def cook(self, recipe: Recipe) -> None:
        """Run a command and compare its output."""
        if any(subject in recipe.command for subject in ("cloud.start", "cloud.remove")):
            await self._at_rest()
        command = recipe.command.replace("http://127.0.0.1:8000", self._portal.web)
        for then, now in self._ids.items():
            command = command.replace(then, now)
        argv = Recipe(command, "").argv
        watching = argv[1] == "sub" and "--stream" not in argv
        event = asyncio.create_task(self._something_happens()) if watching else None
        output = await self._shell.run(argv)
        if event is not None:
            event.cancel()
        if not output:
            assert isinstance(self._shell, Library)
            assert argv[1] != "req"
        elif argv[0] == "curl" and argv[-1].endswith("/instances"):
            await until_answer(lambda: self._shell.run(argv), lambda answer: '"test-1"' in answer)
        elif argv[1] in {"req", "sub"}:
            assert not recipe.missing_from(output), (command, output)
        self._ids.update(zip(recipe.ids(), ids_in(output), strict=False))
        if "garbage" in command:
            await until(lambda: len([line for line in self._portal.lines if argv[2] in line]) >= 2)
        if argv[1:3] == ["micro", "ls"] and output:
            assert all(name in output for name in ("chat", "cloud", "gateway"))

    async def _something_happens(self) -> None:
        """Send creates and a command that is rejected, until one has been seen."""
        named = {"Opsroom-Name": "a reader"}
        async with httpx.AsyncClient(base_url=self._portal.web, headers=named, timeout=30) as client:
            while True:
                await client.post("/api/v1/cloud/instances")
                await client.post("/api/v1/cloud/instances/none/start")
                await asyncio.sleep(0.5)

    async def _at_rest(self) -> None:
        """Wait until no operation is pending."""
        async with httpx.AsyncClient(base_url=self._portal.web, timeout=30) as client:

            async def listed() -> str:
                return (await client.get("/api/v1/cloud/instances")).text

            await until_answer(
                listed, lambda text: not any("pending" in one for one in json.loads(text)["instances"])
            )
