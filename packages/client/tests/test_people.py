"""Invitations and people with the client and the command line."""

import json
from uuid import uuid4

import pytest

from opsroom_client import Opsroom, RequestRejectedError
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.identity import Role
from packages.client.tests.shell import Shell
from packages.client.tests.tcp_proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_link_of_an_invitation_signs_in_once(proxy: Proxy) -> None:
    name, shell = f"bob-{uuid4().hex[:12]}", Shell(proxy.url)
    made = await shell("invite", name, "--role", "operator", "--expires", "2h")
    assert made.exit_code == 0, made.output
    link = made.stdout.strip()
    assert link.startswith(f"{proxy.url}/#/join/")
    assert f"Send it to {name} privately" in made.stderr
    listed = [json.loads(line) for line in (await shell("people", "ls", "--json")).output.splitlines()]
    assert [one["pending"] for one in listed if one["name"] == name] == [True]
    async with Opsroom(proxy.url) as opsroom:
        signed_in = await opsroom.access.use_link(link)
        assert (signed_in.user.name, signed_in.invited) == (name, True)
        with pytest.raises(RequestRejectedError) as rejected:
            await opsroom.access.use_link(link)
        assert rejected.value.code is ErrorCode.LINK_INVALID
    async with Opsroom(proxy.url, token=signed_in.token) as mine:
        assert (await mine.session()).devices == 1
        other = await mine.access.use_link((await mine.access.link_device()).link)
        assert other.user == signed_in.user
        assert (await mine.session()).devices == 2
    rows = (await shell("people", "ls")).output.splitlines()
    assert rows[0].split() == ["NAME", "ROLE", "SEEN", "DEVICES"]
    assert [name, "operator"] in [row.split()[:2] for row in rows]


async def test_an_invitation_is_listed_and_withdrawn(proxy: Proxy) -> None:
    name, shell = f"bob-{uuid4().hex[:12]}", Shell(proxy.url)
    made = json.loads((await shell("invite", name, "--role", "viewer", "--json")).output)
    row = next(
        line for line in (await shell("people", "invitations")).output.splitlines() if name in line.split()
    )
    assert row.split()[:3] == [made["invitation"]["id"], name, "viewer"]
    done = await shell("people", "withdraw", made["invitation"]["id"], "--reason", "a mistake")
    assert (done.exit_code, done.output) == (0, f"{made['invitation']['id']} withdrawn\n")
    assert name not in (await shell("people", "invitations")).output
    again = await shell("people", "withdraw", made["invitation"]["id"])
    assert again.exit_code == 1
    assert "(invitation_unknown)" in again.stderr


@pytest.mark.parametrize("expires", ["0d", "91d", "7", "soon", "1s"])
async def test_a_duration_that_the_server_would_reject_is_a_usage_error(proxy: Proxy, expires: str) -> None:
    made = await Shell(proxy.url)("invite", "bob", "--role", Role.MEMBER.value, "--expires", expires)
    assert made.exit_code == 2
    assert "must be like 7d" in made.stderr
