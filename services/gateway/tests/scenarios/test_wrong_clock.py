"""A gateway whose machine's clock is wrong: what is stored with an end holds until that end."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from opsroom_contracts.identity import Role
from opsroom_gateway.auth.static_tokens import make_token
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.fake_provider import FakeProvider, fake_provider
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving
from services.gateway.tests.kit.token_mode import SESSION, USERS, bearer, registered

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "behind"]),
]

ADMIN, ADMIN_LINE = make_token("root", Role.ADMIN)
KEY = Ed25519PrivateKey.generate()
MINUTES_10 = 600


def wrong_clock(ahead: timedelta) -> BrokerClock:
    """The clock of a machine that is ``ahead`` of the others at its start."""
    return BrokerClock(wall=lambda: time.time() + ahead.total_seconds())


@asynccontextmanager
async def gateways(
    portal: Portal, ahead: timedelta, **settings: object
) -> AsyncIterator[tuple[Address, Address]]:
    """A gateway with the right clock, and one with the wrong clock."""
    chosen = gateway_settings(tokens=(ADMIN_LINE,), **settings)
    async with serving(portal.url, chosen) as right, serving(portal.url, chosen, wrong_clock(ahead)) as wrong:
        yield right, wrong


async def test_timed_bans_and_mutes_hold_on_a_gateway_with_a_wrong_clock(
    portal: Portal, ahead: timedelta
) -> None:
    async with gateways(portal, ahead, access="token") as (right, wrong):
        async with right.requests() as at_right, wrong.requests() as at_wrong:
            troll, talker = f"troll-{uuid4().hex[:6]}", f"talker-{uuid4().hex[:6]}"
            token = await registered(at_wrong, troll)
            async with person(wrong, await registered(at_wrong, talker)) as muted:
                for kind, name in (("bans", troll), ("mutes", talker)):
                    body = {"name": name, "seconds": MINUTES_10}
                    response = await at_right.post(f"/api/v1/chat/{kind}", json=body, headers=bearer(ADMIN))
                    assert response.status_code == 201, response.text
                await muted.receive("muted")
                assert (await muted.say("hello"))["code"] == "muted"
            listed = (await at_wrong.get("/api/v1/chat/restrictions", headers=bearer(ADMIN))).json()
            assert {troll, talker} <= {one["name"] for one in listed["restrictions"]}
            assert (await at_wrong.get(SESSION, headers=bearer(token))).json()["code"] == "banned"


async def test_a_session_has_the_time_with_which_ends_are_compared(portal: Portal, ahead: timedelta) -> None:
    async with gateways(portal, ahead) as (_, wrong), wrong.requests() as client:
        now = datetime.fromisoformat((await client.get(SESSION)).json()["now"])
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=10)


def publish_key(provider: FakeProvider) -> None:
    """Let ``provider`` publish the key that ``id_token`` signs with."""
    public = OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    provider.publish(public | {"kid": "a", "use": "sig"})


def id_token(issuer: str, lifetime: float) -> str:
    """A token of the provider that is valid for ``lifetime`` seconds from now."""
    now = time.time()
    claims = {"iss": issuer, "aud": "opsroom", "sub": "ann", "name": "ann", "iat": now, "exp": now + lifetime}
    return jwt.encode(claims, KEY, "EdDSA", {"kid": "a"})


async def test_sessions_of_single_sign_on_last_as_long_as_on_other_gateways(
    portal: Portal, ahead: timedelta
) -> None:
    async with fake_provider() as provider:
        publish_key(provider)
        oidc = {"access": "oidc", "oidc_issuer": provider.address, "oidc_client_id": "opsroom"}
        async with gateways(portal, ahead, oidc_session_hours=0.5, **oidc) as (right, wrong):
            async with right.requests() as at_right, wrong.requests() as at_wrong:
                assert await _session_status(at_wrong, id_token(provider.address, -MINUTES_10)) == 401
                for here, there in ((at_right, at_wrong), (at_wrong, at_right)):
                    fresh = id_token(provider.address, MINUTES_10)
                    name = {"name": f"ann-{uuid4().hex[:6]}"}
                    response = await here.post(USERS, json=name, headers=bearer(fresh))
                    assert response.status_code == 201, response.text
                    session = (await there.get(SESSION, headers=bearer(response.json()["token"]))).json()
                    left = datetime.fromisoformat(session["until"]) - datetime.now(UTC)
                    assert timedelta(minutes=20) < left < timedelta(minutes=31)
                    assert session["role"] == "member"


async def _session_status(client: httpx.AsyncClient, token: str) -> int:
    return (await client.get(SESSION, headers=bearer(token))).status_code
