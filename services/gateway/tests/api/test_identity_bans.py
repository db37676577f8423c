"""A mute or ban of a name covers its holder under every name that the same credential registered."""

import httpx
import pytest

from opsroom_contracts.identity import Role
from opsroom_messaging.client.connection import connect
from services.gateway.tests.kit.behind_proxy import (
    BANNED,
    CHAT,
    TwoGateways,
    forwarded_for,
    person_from,
    refused_hello,
    unique_name,
)
from services.gateway.tests.kit.portal import Portal
from services.gateway.tests.kit.token_mode import INSTANCES, SESSION, USERS, bearer, registered

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def alias_of(client: httpx.AsyncClient, two: TwoGateways, role: Role, what: str) -> tuple[str, str]:
    """Register another name with the static token of ``role``. Returns the name and the new token."""
    name = unique_name(what)
    return name, await registered(client, name, two.tokens.header(role) | forwarded_for("198.51.100.1"))


async def restricted(admin: httpx.AsyncClient, kind: str, name: str) -> str:
    """Mute or ban a name. Returns the path of the restriction."""
    response = await admin.post(f"{CHAT}/{kind}", json={"name": name})
    assert response.status_code == 201, response.text
    return f"{CHAT}/restrictions/{response.json()['id']}"


async def kept_out(two: TwoGateways, token: str, static: dict[str, str]) -> None:
    """Check that neither the registration nor the static token behind it gets in anywhere."""
    for gateway in (two.first, two.second):
        error, code = await refused_hello(gateway, token)
        assert (error["code"], code) == ("banned", BANNED)
        async with gateway.requests() as client:
            for response in (
                await client.get(SESSION, headers=bearer(token)),
                await client.get(INSTANCES, headers=static),
                await client.get("/cloud/", headers=static),
                await client.post(USERS, json={"name": unique_name("new")}, headers=static),
            ):
                assert response.status_code == 403, response.text


async def test_a_mute_covers_every_name_of_the_credential(two: TwoGateways) -> None:
    async with two.first.requests() as client, two.admin() as admin:
        one, token_one = await alias_of(client, two, Role.MEMBER, "one")
        two_name, token_two = await alias_of(client, two, Role.MEMBER, "two")
        _, other_token = await alias_of(client, two, Role.VIEWER, "other")
        async with (
            person_from(two.first, token_one) as first,
            person_from(two.second, token_two) as second,
            person_from(two.second, other_token) as other,
        ):
            path = await restricted(admin, "mutes", one)
            for muted in (first, second):
                await muted.receive("muted")
                assert (await muted.say("hello?"))["code"] == "muted"
            _, token_three = await alias_of(client, two, Role.MEMBER, "three")
            async with person_from(two.first, token_three) as third:
                assert "muted" in third.welcome
                assert (await third.say("hello?"))["code"] == "muted"
            assert (await other.say("hi"))["type"] == "ack"
            second_path = await restricted(admin, "mutes", two_name)
            await second.receive("muted")
            assert (await admin.delete(path)).status_code == 204
            assert (await second.receive("muted", "unmuted"))["type"] == "muted", "the second is in force"
            assert (await admin.delete(second_path)).status_code == 204
            await second.receive("unmuted")
            assert (await second.say("at last"))["type"] == "ack"


async def test_a_ban_covers_every_name_of_the_credential_and_the_credential(two: TwoGateways) -> None:
    async with two.first.requests() as client, two.admin() as admin:
        one, token_one = await alias_of(client, two, Role.VIEWER, "one")
        name_two, token_two = await alias_of(client, two, Role.VIEWER, "two")
        async with person_from(two.first, token_one) as first, person_from(two.second, token_two) as second:
            path = await restricted(admin, "bans", one)
            assert (await first.closed(), await second.closed()) == (BANNED, BANNED)
        assert name_two not in (await admin.get(USERS)).text
        await kept_out(two, token_two, two.tokens.header(Role.VIEWER))
        assert (await admin.delete(path)).status_code == 204
        async with person_from(two.first, token_two) as back:
            assert (await back.say("hello again"))["type"] == "ack"


async def test_a_ban_covers_those_who_left_before_it(two: TwoGateways) -> None:
    async with two.first.requests() as client, two.admin() as admin:
        one, token_one = await alias_of(client, two, Role.MEMBER, "one")
        _, token_two = await alias_of(client, two, Role.MEMBER, "two")
        async with person_from(two.first, token_one) as troll:
            await troll.send({"type": "leave"})
            await troll.closed()
        path = await restricted(admin, "bans", one)
        error, code = await refused_hello(two.second, token_two)
        assert (error["code"], code) == ("banned", BANNED)
        assert (await admin.delete(path)).status_code == 204


@pytest.mark.parametrize("over_nats", [False, True])
async def test_a_ban_of_a_static_tokens_name_covers_its_other_names(
    two: TwoGateways, portal: Portal, over_nats: bool
) -> None:
    """Also a ban over NATS, where the static tokens are not known."""
    async with two.first.requests() as client, two.admin() as admin:
        _, token = await alias_of(client, two, Role.OPERATOR, "one")
        async with person_from(two.second, token) as someone:
            if over_nats:
                broker = await connect(portal.url, name="operator")
                await broker.client.request("chat.restrict", b'{"kind":"ban","name":"the operator"}')
                await broker.close()
            else:
                await restricted(admin, "bans", "The Operator")
            assert await someone.closed() == BANNED
        await kept_out(two, token, two.tokens.header(Role.OPERATOR))
        listed = (await admin.get(CHAT + "/restrictions")).json()["restrictions"]
        (ban,) = [one for one in listed if one["name"].casefold() == "the operator"]
        assert (await admin.delete(f"{CHAT}/restrictions/{ban['id']}")).status_code == 204


async def test_admins_can_not_ban_themselves_under_another_name(two: TwoGateways) -> None:
    async with two.first.requests() as client, two.admin() as admin:
        name, token = await alias_of(client, two, Role.ADMIN, "me")
        response = await admin.post(CHAT + "/bans", json={"name": name})
        assert (response.status_code, response.json().get("field")) == (422, "name")
        async with person_from(two.second, token) as me:
            assert (await me.say("still here"))["type"] == "ack"
