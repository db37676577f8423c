"""Approvals and schedules with the client and the command line."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from opsroom_client import Opsroom
from opsroom_client.cloud.commands import ScheduleTimes
from opsroom_client.errors import RequestRejectedError
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.models import OperationStatus
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.identity import Role
from opsroom_testkit.broker import BrokerProcess
from packages.client.tests.shell import Shell
from packages.client.tests.tcp_proxy import Proxy
from services.gateway.tests.kit.portal import Portal, services
from services.gateway.tests.kit.token_mode import Tokens, token_mode_gateway

pytestmark = pytest.mark.asyncio(loop_scope="package")

POLICY = "stop,start label:env=prod"


@dataclass(frozen=True)
class Two:
    """Two people with access to one portal, in which commands for production must be approved."""

    url: str
    operator: str
    admin: str

    def shell(self, token: str) -> Shell:
        """Return the command line of one of them."""
        return Shell(self.url, token)

    async def server(self, name: str) -> str:
        """Create a server of production; return its id."""
        async with Opsroom(self.url, token=self.operator) as opsroom:
            since = (await opsroom.cloud.instances()).seq
            made = await opsroom.cloud.create(name=name, labels={"env": "prod"})
            return (await opsroom.cloud.finished(made, since)).instance_id


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Two]:
    """The operator and the admin."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    tokens = Tokens(tmp_path_factory.mktemp("tokens") / "tokens")
    async with (
        services(process.url, delay=0.2, approvals=POLICY),
        token_mode_gateway(Portal(process.url), tokens) as gateway,
    ):
        yield Two(
            f"http://127.0.0.1:{gateway.port}", tokens.by_role[Role.OPERATOR], tokens.by_role[Role.ADMIN]
        )
    await process.stop()


async def test_another_person_approves_on_the_command_line(two: Two) -> None:
    instance_id = await two.server("cli-1")
    asks, decides = two.shell(two.operator), two.shell(two.admin)
    asked = await asks("servers", "start", "cli-1")
    assert asked.exit_code == 0, asked.output
    own = await asks("approve", "cli-1")
    assert (own.exit_code, "its author can't approve it" in own.stderr) == (1, True)
    approved = await decides("approve", "--wait", "cli-1")
    assert (approved.exit_code, approved.stdout) == (0, f"{instance_id} start done\n"), approved.output
    nothing = await decides("approve", "cli-1")
    assert (nothing.exit_code, nothing.stderr) == (1, "opsroom: cli-1 has no command that awaits approval\n")


async def test_another_person_denies_on_the_command_line(two: Two) -> None:
    await two.server("cli-2")
    async with Opsroom(two.url, token=two.operator) as opsroom:
        operation = await opsroom.cloud.start("cli-2")
        assert operation.status is OperationStatus.AWAITING_APPROVAL
    decides = two.shell(two.admin)
    denied = await decides("deny", operation.id, "--reason", "not now", "--json")
    assert denied.exit_code == 0, denied.output
    shown = json.loads(denied.stdout)
    assert (shown["id"], shown["status"], shown["reason"]) == (operation.id, "denied", "not now")
    late = await decides("approve", operation.id)
    assert (late.exit_code, "(not_awaiting)" in late.stderr) == (1, True)


async def test_the_client_approves_alone_and_denies(two: Two) -> None:
    await two.server("cli-3")
    async with Opsroom(two.url, token=two.admin) as admin, Opsroom(two.url, token=two.operator) as operator:
        first = await admin.cloud.start("cli-3")
        with pytest.raises(RequestRejectedError) as refused:
            await admin.cloud.approve(first.id)
        assert refused.value.code is ErrorCode.FORBIDDEN
        denied = await operator.cloud.deny(first.id, reason="too early")
        assert (denied.status, denied.reason) == (OperationStatus.DENIED, "too early")
        second = await admin.cloud.start("cli-3")
        alone = await admin.cloud.approve(second.id, alone="the site is down")
        assert alone.status in {OperationStatus.PENDING, OperationStatus.DONE}
        assert (await admin.cloud.approve(second.id, alone="the site is down")).id == second.id


async def test_schedules_on_the_command_line(proxy: Proxy) -> None:
    shell = Shell(proxy.url)
    cron = ("--cron", "0 19 * * mon-fri", "--zone", "Europe/Berlin")
    made = await shell("schedules", "add", "cli-off", "stop", "--selector", "env=cli", *cron)
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("cli-off stop next 2")
    rows = [json.loads(line) for line in (await shell("schedules", "ls", "--json")).output.splitlines()]
    (row,) = [one for one in rows if one["name"] == "cli-off"]
    assert (row["selector"], row["cron"], row["zone"]) == ("env=cli", "0 19 * * mon-fri", "Europe/Berlin")
    table = (await shell("schedules", "ls")).output
    assert "cli-off  stop" in table
    assert "0 19 * * mon-fri Europe/Berlin" in table
    taken = await shell("schedules", "add", "cli-off", "start", "web-1", "--at", "2099-01-01T00:00")
    assert (taken.exit_code, "(name_taken)" in taken.stderr) == (1, True)
    for wrong in (("--at", "2026-12-01T03:00", *cron), ()):
        refused = await shell("schedules", "add", "cli-x", "stop", "web-1", *wrong)
        assert (refused.exit_code, "give --at or --cron" in refused.stderr) == (2, True)
    both = await shell("schedules", "add", "cli-x", "stop", "web-1", "--selector", "env=cli", *cron)
    assert (both.exit_code, "give ID or --selector" in both.stderr) == (2, True)
    removed = await shell("schedules", "rm", "cli-off")
    assert (removed.exit_code, removed.stdout) == (0, "cli-off removed\n")
    again = await shell("schedules", "rm", "cli-none")
    assert (again.exit_code, "(not_found)" in again.stderr) == (1, True)


async def test_schedules_with_the_client(proxy: Proxy) -> None:
    async with Opsroom(proxy.url) as opsroom:
        times = ScheduleTimes(cron="5 4 * * sun")
        made = await opsroom.cloud.schedule("api-off", Command.STOP, ["web-1", "web-2"], times=times)
        assert (made.ids, made.cron, made.zone) == (("web-1", "web-2"), "5 4 * * sun", None)
        assert await opsroom.cloud.schedule("api-off", Command.STOP, ["web-1", "web-2"], times=times) == made
        assert made in await opsroom.cloud.schedules()
        with pytest.raises(RequestRejectedError) as refused:
            await opsroom.cloud.schedule(
                "api-bad", Command.STOP, ["web-1"], times=ScheduleTimes(cron="61 * * * *")
            )
        assert refused.value.code is ErrorCode.INVALID_REQUEST
        assert (await opsroom.cloud.unschedule("api-off")).name == "api-off"
        assert "api-off" not in {one.name for one in await opsroom.cloud.schedules()}
