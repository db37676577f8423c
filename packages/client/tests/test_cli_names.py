"""Names, labels and protection on the command line, against a portal."""

import json
from uuid import uuid4

import pytest

from opsroom_client import EventFilter, Opsroom, RequestRejectedError
from opsroom_contracts.cloud.commands import Command, EventType
from opsroom_contracts.errors import ErrorCode
from packages.client.tests.shell import Shell
from packages.client.tests.tcp_proxy import Proxy
from packages.client.tests.test_cli import complete, until_completed

pytestmark = pytest.mark.asyncio(loop_scope="package")


def a_name() -> str:
    return f"n-{uuid4().hex[:12]}"


async def created(shell: Shell, name: str, *more: str) -> str:
    """Create a server and return its id."""
    done = await shell("servers", "create", "--name", name, "--wait", *more)
    assert done.exit_code == 0, done.output
    return done.stdout.split()[0]


async def test_a_server_is_created_with_a_name_and_labels_and_started(proxy: Proxy) -> None:
    shell, name = Shell(proxy.url), a_name()
    instance = await created(shell, name, "--label", "env=prod", "--label", "a.b/c=", "--start")
    (listed,) = [
        one
        for one in map(json.loads, (await shell("servers", "ls", "--json")).stdout.splitlines())
        if one["name"] == name
    ]
    assert (listed["id"], listed["state"]) == (instance, "running")
    assert listed["labels"] == {"env": "prod", "a.b/c": ""}
    row = (await shell("servers", "ls", "-l", "env=prod")).stdout
    assert "a.b/c=,env=prod" in row
    assert name in row


async def test_a_name_works_wherever_an_id_does(proxy: Proxy) -> None:
    shell, name, other = Shell(proxy.url), a_name(), a_name()
    instance = await created(shell, name)
    assert (await shell("servers", "start", "--wait", name)).stdout == f"{instance} start done\n"
    assert (await shell("servers", "rename", name, other)).stdout == f"{instance} rename done\n"
    gone = await shell("servers", "stop", name)
    assert (gone.exit_code, f"no server has the name '{name}'" in gone.stderr) == (1, True)
    async with Opsroom(proxy.url) as opsroom:
        stopped = await opsroom.cloud.stop(other)
        assert (stopped.instance_id, stopped.command) == (instance, Command.STOP)
        assert (await opsroom.cloud.cancel(stopped.id)).instance_id == instance
        past = await opsroom.cloud.past_events(EventFilter(other))
        assert {one.instance_id for one in past} == {instance}
    history = await shell("servers", "history", other, "--type", "renamed")
    assert history.stdout.split()[2:4] == ["renamed", "rename"]
    assert (await shell("servers", "rm", "-y", "--wait", other)).exit_code == 0


async def test_labels_are_set_and_removed_for_several_servers_at_once(proxy: Proxy) -> None:
    shell, first, second, mark = Shell(proxy.url), a_name(), a_name(), a_name()
    ids = [await created(shell, one, "--label", f"mark={mark}") for one in (second, first)]
    labeled = await shell("servers", "label", first, second, "old=1", "role=web")
    assert labeled.exit_code == 0, labeled.output
    assert sorted(labeled.stdout.splitlines()) == sorted(f"{one} label done" for one in ids)
    assert (await shell("servers", "label", "old-", "-l", f"mark={mark}")).exit_code == 0
    chosen = (await shell("servers", "ls", "-l", f"mark={mark},role=web", "--json")).stdout.splitlines()
    assert [json.loads(line)["labels"] for line in chosen] == [{"mark": mark, "role": "web"}] * 2
    started = await shell("servers", "start", "--wait", "--selector", f"mark={mark}")
    assert sorted(line.split()[0] for line in started.stdout.splitlines()) == sorted(ids)
    for arguments, code, words in (
        (("label", first), 2, "give a label to set"),
        (("start", first, "-l", "a=b"), 2, "give either ID or --selector"),
        (("start",), 2, "give ID"),
        (("start", "-l", "a"), 2, "must be like env=prod,role=web"),
        (("start", "-l", f"mark={mark},no=1"), 1, f"no server has the labels mark={mark},no=1"),
        (("create", "--label", "env"), 2, "must be like env=prod"),
    ):
        refused = await shell("servers", *arguments)
        assert (refused.exit_code, words in refused.stderr) == (code, True), refused.output


async def test_a_protected_server_is_left_alone(proxy: Proxy) -> None:
    shell, name = Shell(proxy.url), a_name()
    instance = await created(shell, name, "--start")
    assert (await shell("servers", "protect", name)).stdout == f"{instance} protect done\n"
    refused = await shell("servers", "stop", name)
    assert (refused.exit_code, "(protected)" in refused.stderr) == (1, True)
    assert "PROTECTED" in (await shell("servers", "ls")).stdout.splitlines()[0]
    assert (await shell("servers", "unprotect", name)).exit_code == 0
    assert (await shell("servers", "stop", "--wait", name)).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create", "--name", "Web_1"), "name: must be 1 to 63 of a-z, 0-9 and hyphens"),
        (("create", "--name", "x" * 64), "name: must have at most 63 characters"),
        (("create", "--label", "A=1"), "labels.A: must be 1 to 63 of a-z"),
        (("create", "--label", f"a={'x' * 64}"), "labels.a: must have at most 63 characters"),
        (("create", *(f"--label=k{n}=v" for n in range(17))), "labels: must have at most 16 entries"),
        (("create", "--template", "none"), "template"),
    ],
    ids=["name", "long name", "key", "value", "labels", "template"],
)
async def test_what_is_invalid_names_the_field_and_the_limit(
    proxy: Proxy, arguments: tuple[str, ...], words: str
) -> None:
    refused = await Shell(proxy.url)("servers", *arguments)
    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert words in refused.stderr


async def test_a_name_can_be_given_once(proxy: Proxy) -> None:
    shell, name = Shell(proxy.url), a_name()
    await created(shell, name)
    again = await shell("servers", "create", "--name", name)
    assert (again.exit_code, "(name_taken)" in again.stderr) == (1, True)


async def test_several_are_commanded_in_one_request_with_an_outcome_for_each(proxy: Proxy) -> None:
    shell, name, mark = Shell(proxy.url), a_name(), a_name()
    instance = await created(shell, name, "--label", f"mark={mark}")
    async with Opsroom(proxy.url) as opsroom:
        done, unknown = await opsroom.cloud.batch(Command.START, [name, "none"], key=mark)
        assert done.operation is not None
        assert (done.operation.instance_id, done.problem) == (instance, None)
        assert unknown.problem is not None
        assert (unknown.id, unknown.problem.code) == ("none", ErrorCode.INSTANCE_NOT_FOUND)
        again, _ = await opsroom.cloud.batch(Command.START, [name, "none"], key=mark)
        assert again.operation is not None
        assert again.operation.id == done.operation.id
        (selected,) = await opsroom.cloud.batch(Command.STOP, selector=f"mark={mark}")
        assert selected.problem is not None
        assert selected.problem.code is ErrorCode.OPERATION_PENDING
        with pytest.raises(RequestRejectedError) as many:
            await opsroom.cloud.batch(Command.STOP, [str(number) for number in range(101)])
        assert (many.value.field, "at most 100" in str(many.value)) == ("ids", True)


async def test_the_history_of_all_servers_is_filtered(proxy: Proxy) -> None:
    shell, name = Shell(proxy.url), a_name()
    instance = await created(shell, name)
    found = await shell("servers", "history", "--type", "created", "--from", "1h", "-n", "1000")
    assert found.exit_code == 0, found.output
    assert f"{instance} created" in found.stdout
    assert {line.split()[2] for line in found.stdout.splitlines()} == {"created"}
    nothing = await shell("servers", "history", "--to", "2001-01-01T00:00Z")
    assert (nothing.exit_code, nothing.stderr) == (1, "opsroom: no event matches\n")
    assert (await shell("servers", "history", "--from", "yesterday")).exit_code == 2
    async with Opsroom(proxy.url) as opsroom:
        last = await opsroom.cloud.past_events(limit=3)
        assert len(last) == 3
        assert [one.seq for one in last] == sorted(one.seq for one in last)
        wanted = EventFilter(instance, type=EventType.RECEIVED)
        assert len(await opsroom.cloud.past_events(wanted, limit=5)) == 1


async def test_names_are_completed(proxy: Proxy) -> None:
    name = a_name()
    await created(Shell(proxy.url), name)
    await until_completed(name, f"opsroom servers start {name[:8]}", OPSROOM_URL=proxy.url)
    assert await complete(f"opsroom servers label {name} {name}", OPSROOM_URL=proxy.url) == []
