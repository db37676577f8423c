"""An OpenID provider that accepts connections and never responds delays only those who need its reply."""

from collections.abc import AsyncIterator

import httpx
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from opsroom_contracts.identity import Role
from opsroom_gateway.auth import oidc_provider
from opsroom_gateway.auth.static_tokens import make_token
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.fake_provider import DISCOVERY, FakeProvider, fake_provider, jwk
from services.gateway.tests.kit.portal import Portal, gateway_settings, serving
from services.gateway.tests.kit.token_mode import SESSION, USERS, bearer, registered

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def hanging() -> AsyncIterator[FakeProvider]:
    """A provider that never responds."""
    async with fake_provider() as fake:
        fake.publish(jwk("a"))
        fake.silent.add(DISCOVERY)
        yield fake


async def test_signed_in_users_do_not_wait_for_a_hanging_provider(
    portal: Portal, hanging: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of these ends while the gateway's first request to the provider is still unanswered."""
    monkeypatch.setattr(oidc_provider, "_WAIT_SECONDS", 0.2)
    token, line = make_token("alice", Role.OPERATOR)
    settings = gateway_settings(
        access="oidc", oidc_issuer=hanging.address, oidc_client_id="opsroom", tokens=(line,)
    )
    async with serving(portal.url, settings) as address, address.requests() as client:
        registration = await registered(client, None, bearer(token))
        for proof in (token, registration):
            session = (await client.get(SESSION, headers=bearer(proof))).json()
            assert (session["name"], session["role"]) == ("alice", "operator")
            assert "signIn" not in session
        assert (await client.get("/readyz")).status_code == 200
        assert "signIn" not in (await client.get(SESSION)).json()
        await _rejects_an_id_token(client, hanging.address)
        assert (hanging.requests[DISCOVERY], hanging.abandoned[DISCOVERY]) == (1, 0)


async def _rejects_an_id_token(client: httpx.AsyncClient, issuer: str) -> None:
    """A new ID token can't be verified yet. Its user is asked to try again."""
    claims = {"iss": issuer, "aud": "opsroom", "sub": "ann", "iat": 0, "exp": 2**40}
    id_token = jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", {"kid": "a"})
    response = await client.post(USERS, json={}, headers=bearer(id_token))
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")


async def test_a_fetch_that_took_long_is_used_when_it_ends(
    portal: Portal, hanging: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_provider, "_WAIT_SECONDS", 0.2)
    settings = gateway_settings(access="oidc", oidc_issuer=hanging.address, oidc_client_id="opsroom")
    async with serving(portal.url, settings) as address, address.requests() as client:
        assert "signIn" not in (await client.get(SESSION)).json()
        hanging.silent.clear()
        hanging.release.set()
        reply = await until_answer(lambda: client.get(SESSION), lambda response: "signIn" in response.json())
        assert reply.json()["signIn"]["issuer"] == hanging.address
        assert hanging.requests[DISCOVERY] == 1
