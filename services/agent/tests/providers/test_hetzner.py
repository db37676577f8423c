"""The provider of Hetzner Cloud, against a local API that the official client library is run against, too."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from hcloud import APIException, Client
from hcloud.images import Image
from hcloud.server_types import ServerType

from opsroom_agent.context import ProviderContext
from opsroom_agent.journal import Journal
from opsroom_agent.providers.hetzner.api import HetznerApi, RateLimitedError, open_api
from opsroom_agent.providers.hetzner.provider import HetznerProvider, hetzner_provider
from opsroom_agent.providers.hetzner.templates import HetznerTemplates
from opsroom_agent.providers.hetzner.work import HetznerWork
from opsroom_agent.settings import AgentSettings
from opsroom_contracts.agents.protocol import (
    ApplyReply,
    ApplyRequest,
    ApplyStatus,
    LogsRequest,
    Observation,
    ObserveRequest,
    ProviderListRequest,
    ServerRef,
)
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.instances import FailureCode
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_runtime.errors import SettingsError
from opsroom_runtime.process import run_tasks
from opsroom_testkit.waiting import until_answer
from services.agent.tests.providers.hetzner_fake import TOKEN, HetznerFake, hetzner_fake

RUNNING, STOPPED = InstanceState.RUNNING, InstanceState.STOPPED
TEMPLATES = HetznerTemplates.model_validate(
    {"templates": {"web": {"server_type": "cx22", "image": "debian-13"}}}
)


@pytest.fixture
def fake() -> Iterator[HetznerFake]:
    with hetzner_fake() as running:
        yield running


@asynccontextmanager
async def provider(
    fake: HetznerFake, folder: Path | None = None, *, portal: str = "p1", stop_seconds: float = 30
) -> AsyncIterator[HetznerProvider]:
    async with open_api(fake.url, TOKEN, lambda: None) as api:
        work = HetznerWork(api, TEMPLATES, portal, stop_seconds=stop_seconds, poll=0.01)
        opened = HetznerProvider(api, work, TEMPLATES, Journal(folder), portal)
        async with run_tasks(run=opened.run()):
            await asyncio.sleep(0)  # the operations have begun to run
            yield opened


def server(*, resource: str | None = None, instance: str = "web-1") -> ServerRef:
    return ServerRef(id=instance, name="web", template="web", resource=resource)


def order(command: Command, ref: ServerRef | None = None, *, start: bool = False) -> ApplyRequest:
    return ApplyRequest(operation_id=uuid4().hex, command=command, server=ref or server(), start=start)


async def finish(opened: HetznerProvider, request: ApplyRequest) -> ApplyReply:
    return await until_answer(
        lambda: opened.apply(request), lambda reply: reply.status is not ApplyStatus.WORKING
    )


async def observe(opened: HetznerProvider, *refs: ServerRef) -> dict[str, Observation | None]:
    reply = await opened.observe(ObserveRequest(servers=refs))
    return {one.id: one for one in reply.found} | dict.fromkeys(reply.gone)


def test_the_official_library_takes_the_fake_for_the_real_thing(fake: HetznerFake) -> None:
    client = Client(TOKEN, api_endpoint=fake.url, poll_interval=0.01)
    created = client.servers.create(
        "one", ServerType(name="cx22"), Image(name="debian-13"), labels={"a": "b"}, start_after_create=False
    )
    created.action.wait_until_finished()
    one = client.servers.get_by_name("one")
    assert one is not None
    assert one.id is not None
    assert one.server_type is not None
    assert one.public_net is not None
    assert one.public_net.ipv4 is not None
    assert (one.status, one.labels, one.server_type.name) == ("off", {"a": "b"}, "cx22")
    assert (one.public_net.ipv4.ip or "").startswith("192.0.2.")
    for begin, status in (
        (one.power_on, "running"),
        (one.reboot, "running"),
        (one.shutdown, "off"),
        (one.power_off, "off"),
    ):
        begin().wait_until_finished()
        one.reload()
        assert one.status == status
    assert [action.command for action in one.get_actions(sort=["id:desc"])][:2] == [
        "stop_server",
        "shutdown_server",
    ]
    with pytest.raises(APIException, match="uniqueness_error"):
        client.servers.create("one", ServerType(name="cx22"), Image(name="debian-13"))
    for number in range(60):
        fake.add(f"more-{number}")
    assert len(client.servers.get_all()) == 61
    assert [found.name for found in client.servers.get_all(label_selector="a==b")] == ["one"]
    assert len(client.servers.get_all(label_selector="!a")) == 60
    one.delete().wait_until_finished()
    assert client.servers.get_by_name("one") is None
    with pytest.raises(APIException, match="not_found"):
        client.servers.get_by_id(one.id)
    fake.refusals = ["locked"]
    with pytest.raises(APIException, match="locked"):
        client.servers.create("two", ServerType(name="cx22"), Image(name="debian-13"))
    with pytest.raises(APIException, match="unauthorized"):
        Client("wrong", api_endpoint=fake.url).servers.get_all()


async def test_a_life(fake: HetznerFake) -> None:
    steps = (Command.CREATE, Command.START, Command.RESTART, Command.STOP, Command.REMOVE)
    async with provider(fake) as opened, provider(fake, portal="p2") as other:
        for command, expected in zip(steps, (STOPPED, RUNNING, RUNNING, STOPPED, None), strict=True):
            reply = await finish(opened, order(command))
            assert (reply.status, reply.reason) == (ApplyStatus.DONE, None)
            assert (reply.observed and reply.observed.state) == expected
            assert await observe(opened, server()) == {"web-1": reply.observed}
            listed = (await opened.list(ProviderListRequest())).servers
            assert [(one.id, one.name, one.template) for one in listed] == (
                [] if expected is None else [("web-1", "web", "web")]
            )
            assert (await other.list(ProviderListRequest())).servers == ()
            if listed:
                assert (listed[0].address or "").startswith("192.0.2.")


async def test_what_is_so_already_is_done(fake: HetznerFake) -> None:
    async with provider(fake) as opened:
        await finish(opened, order(Command.CREATE, start=True))
        for command in (Command.CREATE, Command.START):
            reply = await finish(opened, order(command, start=True))
            assert (reply.status, reply.observed and reply.observed.state) == (ApplyStatus.DONE, RUNNING)
        for _ in range(2):
            assert (await finish(opened, order(Command.REMOVE))).status is ApplyStatus.DONE
    assert fake.count("create_server") == 1
    assert fake.count("start_server") == 1


@pytest.mark.parametrize(
    ("command", "action"),
    [
        (Command.CREATE, "create_server"),
        (Command.START, "start_server"),
        (Command.RESTART, "reboot_server"),
        (Command.STOP, "shutdown_server"),
        (Command.REMOVE, "delete_server"),
    ],
)
async def test_a_lost_reply_is_no_second_action(
    fake: HetznerFake, tmp_path: Path, command: Command, action: str
) -> None:
    async with provider(fake) as opened:
        if command is not Command.CREATE:
            await finish(opened, order(Command.CREATE, start=command is not Command.START))
    before = fake.count(action)
    fake.lost = 1
    request = order(command)
    async with provider(fake, tmp_path) as opened:
        first = asyncio.create_task(opened.apply(request))
        await until_answer(lambda: asyncio.sleep(0, fake.lost), lambda left: left == 0)
        first.cancel()
    async with provider(fake, tmp_path) as opened:  # another process goes on with it
        assert (await finish(opened, request)).status is ApplyStatus.DONE
    assert fake.count(action) == before + 1


async def test_a_create_of_an_earlier_attempt_that_the_selector_does_not_find_yet(fake: HetznerFake) -> None:
    """The labels of a new server may be searched late; its name is unique at once."""
    labels = {"opsroom.portal": "p1", "opsroom.instance": "web-1"}
    hidden = fake.add("opsroom-web-1", labels={})
    async with provider(fake) as opened:
        request = order(Command.CREATE, start=True)
        refused = await opened.apply(request)
        assert (refused.status, refused.code) == (ApplyStatus.FAILED, FailureCode.PROVIDER_ERROR)
        assert "uniqueness_error" in (refused.reason or "")
        fake.servers[hidden]["labels"] = labels
        assert (await finish(opened, order(Command.CREATE, start=True))).status is ApplyStatus.DONE
    assert len(fake.servers) == 1


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        ("resource_limit_exceeded", FailureCode.NO_CAPACITY),
        ("protected", FailureCode.PROVIDER_ERROR),
        ("invalid_input", FailureCode.PROVIDER_ERROR),
    ],
)
async def test_a_refusal_is_final(fake: HetznerFake, refusal: str, code: FailureCode) -> None:
    fake.refusals = [refusal]
    async with provider(fake) as opened:
        reply = await finish(opened, order(Command.CREATE))
    assert (reply.status, reply.code) == (ApplyStatus.FAILED, code)
    assert refusal in (reply.reason or "")
    assert fake.servers == {}


@pytest.mark.parametrize("refusal", ["locked", "server_error"])
async def test_a_busy_server_is_asked_again(fake: HetznerFake, refusal: str) -> None:
    async with provider(fake) as opened:
        await finish(opened, order(Command.CREATE))
        fake.refusals = [refusal, refusal]
        assert (await finish(opened, order(Command.START))).status is ApplyStatus.DONE
    assert fake.count("start_server") == 1


async def test_a_rate_limit_stops_all_requests_of_the_agent(fake: HetznerFake) -> None:
    async with provider(fake) as opened:
        await finish(opened, order(Command.CREATE))
        fake.refusals = ["rate_limit_exceeded"]
        starting = asyncio.create_task(finish(opened, order(Command.START)))
        await until_answer(lambda: asyncio.sleep(0, fake.refusals), lambda left: left == [])
        with pytest.raises(FaultError, match="rate limit"):
            await until_answer(lambda: observe(opened, server()), lambda _: False)
        asked = len(fake.requests)
        with pytest.raises(FaultError, match="rate limit"):
            await opened.list(ProviderListRequest())
        assert len(fake.requests) == asked
        assert (await starting).status is ApplyStatus.DONE
        assert await observe(opened, server())
    assert fake.count("start_server") == 1


async def test_the_backoff_grows_until_a_request_is_served(fake: HetznerFake) -> None:
    now = 0.0
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=fake.url, headers=headers, timeout=30) as client:
        patient = HetznerApi(client, lambda: None, clock=lambda: now)
        waits = []
        fake.refusals = ["rate_limit_exceeded"] * 3
        for _ in range(3):
            with pytest.raises(RateLimitedError) as limited:
                await patient.delete(1)
            waits.append(limited.value.seconds)
            now += limited.value.seconds
        await patient.servers()
        fake.refusals = ["rate_limit_exceeded"]
        with pytest.raises(RateLimitedError) as limited:
            await patient.delete(1)
    assert [*waits, limited.value.seconds] == [1, 2, 5, 1]


async def test_the_power_of_a_server_that_does_not_shut_down_is_cut(fake: HetznerFake) -> None:
    fake.deaf = {"shutdown_server"}
    async with provider(fake, stop_seconds=0.2) as opened:
        await finish(opened, order(Command.CREATE, start=True))
        reply = await finish(opened, order(Command.STOP))
    assert (reply.observed and reply.observed.state) is STOPPED
    assert (fake.count("shutdown_server"), fake.count("stop_server")) == (1, 1)


async def test_progress_is_that_of_the_action(fake: HetznerFake) -> None:
    fake.polls = 400
    request = order(Command.CREATE)
    async with provider(fake) as opened:
        reply = await until_answer(lambda: opened.apply(request), lambda one: one.progress is not None)
        assert reply.progress is not None
        assert reply.progress.text == "creating the server"
        assert 0 <= (reply.progress.percent or 0) < 100
        fake.polls = 1


async def test_adoption(fake: HetznerFake) -> None:
    found = fake.add("old", labels={"team": "web"})
    ref = server(resource=str(found))
    async with provider(fake) as opened, provider(fake, portal="p2") as other:
        await finish(other, order(Command.CREATE, server(instance="web-2")))
        assert [(one.name, one.resource) for one in (await opened.adoptable()).resources] == [
            ("old", str(found))
        ]
        adopted = await finish(opened, order(Command.ADOPT, ref))
        assert adopted.observed is not None
        assert (adopted.observed.resource, adopted.observed.state) == (str(found), RUNNING)
        theirs = next(one["id"] for one in fake.servers.values() if one["id"] != found)
        taken = await finish(opened, order(Command.ADOPT, server(resource=str(theirs))))
        assert taken.status is ApplyStatus.FAILED
        seen = await observe(opened, ref, server(instance="none"), server(instance="web-2"))
        assert {name: one and one.state for name, one in seen.items()} == {
            "web-1": RUNNING,
            "none": None,
            "web-2": None,
        }
        assert (await opened.list(ProviderListRequest())).servers == ()
        missing = await finish(opened, order(Command.STOP, server(resource="1")))
        assert missing.code is FailureCode.VANISHED


async def test_pages(fake: HetznerFake) -> None:
    for number in range(120):
        labels = {"opsroom.portal": "p1", "opsroom.instance": f"i-{number:03}"}
        fake.add(f"opsroom-i-{number:03}", labels=labels)
    async with provider(fake) as opened:
        first = await opened.list(ProviderListRequest())
        second = await opened.list(ProviderListRequest(after=first.next))
    assert [one.id for one in (*first.servers, *second.servers)] == [f"i-{n:03}" for n in range(120)]
    assert second.next is None


async def test_a_silent_api_is_unavailable_and_logs_are_unsupported(fake: HetznerFake) -> None:
    async with open_api("http://127.0.0.1:9/v1", TOKEN, lambda: None) as api:
        work = HetznerWork(api, TEMPLATES, "p1", stop_seconds=1)
        opened = HetznerProvider(api, work, TEMPLATES, Journal(None), "p1")
        with pytest.raises(FaultError) as refused:
            await opened.list(ProviderListRequest())
        assert refused.value.fault.code is ErrorCode.UNAVAILABLE
        with pytest.raises(FaultError) as refused:
            opened.logs(LogsRequest(server=server(), stream="s"))
        assert refused.value.fault.code is ErrorCode.UNSUPPORTED


async def test_without_the_lease_nothing_is_changed(fake: HetznerFake) -> None:
    def check() -> None:
        raise refuse(ErrorCode.UNAVAILABLE, "another process has the lease")

    async with open_api(fake.url, TOKEN, check) as api:
        with pytest.raises(FaultError):
            await api.create({"name": "one"})
    assert fake.requests == []


async def test_the_settings(fake: HetznerFake, tmp_path: Path) -> None:
    token, templates = tmp_path / "token", tmp_path / "templates.toml"
    token.write_text(f"{TOKEN}\n")
    templates.write_text('[templates.web]\nserver_type = "cx22"\nimage = "debian-13"\n')
    settings = AgentSettings(hetzner_token_file=token, hetzner_url=fake.url, templates=templates)
    async with hetzner_provider(ProviderContext(settings, lambda: None)) as opened:
        assert (await opened.list(ProviderListRequest())).servers == ()
        assert [(view.name, view.description) for view in opened.templates] == [("web", "cx22")]
    for path in (None, tmp_path / "missing", tmp_path / "templates.toml"):
        settings = AgentSettings(hetzner_token_file=path)
        with pytest.raises(SettingsError, match="AGENT_HETZNER_TOKEN_FILE"):
            async with hetzner_provider(ProviderContext(settings, lambda: None)):
                pass
