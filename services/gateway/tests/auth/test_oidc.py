"""Single sign-on with a local OpenID provider."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import jwt
import oidc_provider_mock
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import serialization

from opsroom_contracts.identity import Role
from opsroom_gateway.auth import oidc_provider
from opsroom_gateway.auth.static_tokens import make_token
from services.gateway.tests.kit.api_clients import person
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the provider
]

USERS = "/api/v1/chat/users"
INSTANCES = "/api/v1/cloud/instances"
SESSION = "/api/v1/session"
CLIENT = "opsroom"
USER_CLAIMS = (
    oidc_provider_mock.User(sub="olga", claims={"name": "Ольга", "groups": ["staff", "ops"]}),
    oidc_provider_mock.User(sub="adam", claims={"name": "Adam", "groups": ["admins"]}),
    oidc_provider_mock.User(sub="mia", claims={"preferred_username": "mia", "groups": ["staff"]}),
)


@contextmanager
def provider(port: int = 0, **more: Any) -> Iterator[str]:
    """Run a provider. Yields its issuer URL."""
    with oidc_provider_mock.run_server_in_thread(port, user_claims=USER_CLAIMS, **more) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def provider_url() -> Iterator[str]:
    """The issuer URL of the module's provider."""
    with provider() as address:
        yield address


def signed_in(address: str, sub: str, client: str = CLIENT) -> str:
    """Sign in as a browser does, by authorization code with PKCE. Returns the ID token."""
    back = "http://localhost/back"
    verifier = uuid4().hex + uuid4().hex
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": back,
        "scope": "openid profile",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    response = httpx.post(f"{address}/oauth2/authorize", params=asked, data={"sub": sub}, timeout=30)
    code = parse_qs(urlsplit(response.headers["Location"]).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "client_id": client,
        "client_secret": "the provider wants one, and takes any",
        "code_verifier": verifier,
    }
    reply = httpx.post(f"{address}/oauth2/token", data=form, timeout=30)
    token: str = reply.json()["id_token"]
    return token


def bearer(token: str) -> dict[str, str]:
    """Return the authorization header of a token."""
    return {"Authorization": f"Bearer {token}"}


def settings(address: str, **more: object) -> Any:
    """Return settings of a gateway that trusts the provider at ``address``."""
    usual: dict[str, object] = {
        "access": "oidc",
        "oidc_issuer": address,
        "oidc_client_id": CLIENT,
        "oidc_roles_claim": "groups",
        "oidc_roles": ("ops=operator", "admins=admin"),
        "oidc_skew_seconds": 1.0,
    }
    return gateway_settings(**(usual | more))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(portal: Portal, provider_url: str) -> AsyncIterator[Address]:
    """The gateway of the module."""
    async with serving(portal.url, settings(provider_url)) as address:
        yield address


async def session_status(address: Address, token: str) -> tuple[int, str, str]:
    """Request the session with a token. Returns status, code and detail."""
    async with address.requests() as client:
        response = await client.get(SESSION, headers=bearer(token))
    return response.status_code, response.json().get("code", ""), response.json().get("detail", "")


async def test_signed_in_users_have_the_name_and_role_of_their_claims(
    gateway: Address, provider_url: str
) -> None:
    async with gateway.requests() as client:
        for sub, name, role in (
            ("olga", "Ольга", "operator"),
            ("adam", "Adam", "admin"),
            ("mia", "mia", "member"),
        ):
            reply = (await client.get(SESSION, headers=bearer(signed_in(provider_url, sub)))).json()
            assert (reply["name"], reply["role"]) == (name, role)
        response = await client.post(USERS, json={}, headers=bearer(signed_in(provider_url, "olga")))
        assert response.json()["user"]["name"] == "Ольга"
        token = response.json()["token"]
        response = await client.post(INSTANCES, headers=bearer(token))
        assert (response.status_code, response.json()["operation"]["actor"]) == (202, "Ольга")
        assert (await client.get("/api/v1/audit", headers=bearer(token))).status_code in {403, 404}
    async with person(gateway, token) as olga:
        assert (await olga.say("privet"))["type"] == "ack"


async def test_without_signing_in_nothing_is_allowed(gateway: Address, provider_url: str) -> None:
    async with gateway.requests() as client:
        response = await client.post(USERS, json={"name": "x"})
        assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
        reply = (await client.get(SESSION)).json()
        assert (reply["mode"], reply["guests"], reply["may"]) == ("oidc", False, [])
        assert reply["signIn"] == {
            "issuer": provider_url,
            "clientId": CLIENT,
            "scope": "openid profile",
            "authorizationEndpoint": f"{provider_url}/oauth2/authorize",
            "tokenEndpoint": f"{provider_url}/oauth2/token",
        }


def part(value: dict[str, Any]) -> str:
    """Return one encoded part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def public_key(address: str) -> bytes:
    """Return the provider's public key in PEM."""
    (key,) = jwt.PyJWKSet.from_dict(httpx.get(f"{address}/jwks", timeout=30).json()).keys
    pem: bytes = key.key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem


async def test_forged_tokens_and_tokens_for_others_are_rejected(gateway: Address, provider_url: str) -> None:
    good = signed_in(provider_url, "adam")
    head, body, signature = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    symmetric = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{body}"
    digest = hmac.new(public_key(provider_url), symmetric.encode(), hashlib.sha256).digest()
    forged = {
        "alg none": f"{part({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        "alg None": f"{part({'alg': 'None'})}.{body}.{signature}",
        "the public key as a secret": f"{symmetric}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}",
        "another subject": f"{head}.{part(claims | {'sub': 'root'})}.{signature}",
        "no signature": f"{head}.{body}.",
        "an unknown key": f"{part({'alg': 'RS256', 'kid': 'other'})}.{body}.{signature}",
        "its own key": f"{part({'alg': 'RS256', 'jwk': {}})}.{part(claims | {'sub': 'x'})}.{signature}",
        "not JSON": "e30.bm9wZQ.",
        "nothing": "..",
        "another audience": signed_in(provider_url, "adam", client="another"),
        "another name of the issuer": signed_in(provider_url.replace("localhost", "127.0.0.1"), "adam"),
    }
    for kind, token in forged.items():
        status, code, detail = await session_status(gateway, token)
        assert (status, code) == (401, "token_invalid"), kind
        assert token not in detail
    assert (await session_status(gateway, good))[0] == 200


async def test_a_token_of_another_issuer_is_rejected(gateway: Address) -> None:
    with provider() as other:
        assert (await session_status(gateway, signed_in(other, "adam")))[:2] == (401, "token_invalid")


async def test_an_expired_token_is_rejected_beyond_the_clock_skew(portal: Portal) -> None:
    with provider(access_token_max_age=timedelta(seconds=-5)) as late:
        async with serving(portal.url, settings(late)) as strict:
            status, code, detail = await session_status(strict, signed_in(late, "adam"))
            assert (status, code) == (401, "token_invalid")
            assert "expired" in detail
        async with serving(portal.url, settings(late, oidc_skew_seconds=60.0)) as lenient:
            assert (await session_status(lenient, signed_in(late, "adam")))[0] == 200


async def test_key_rotation_and_provider_outages_are_handled(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_provider, "_RETRY_SECONDS", 0.0)
    with provider() as address:
        old = signed_in(address, "adam")
    async with serving(portal.url, settings(address)) as gateway:
        assert (await session_status(gateway, old))[:2] == (503, "unavailable")
        async with gateway.requests() as client:
            assert "signIn" not in (await client.get(SESSION)).json()
            assert (await client.get("/readyz")).status_code == 200
        port = urlsplit(address).port or 0
        with provider(port) as again:
            newer = signed_in(again, "adam")
            assert (await session_status(gateway, newer))[0] == 200
            assert (await session_status(gateway, old))[:2] == (401, "token_invalid")
        # Cached keys stay valid while the provider is unavailable.
        assert (await session_status(gateway, newer))[0] == 200
        with provider(port) as again:
            assert (await session_status(gateway, signed_in(again, "adam")))[0] == 200
            assert (await session_status(gateway, newer))[:2] == (401, "token_invalid")


async def test_unknown_keys_do_not_cause_a_fetch_each(
    portal: Portal, provider_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="werkzeug")
    async with serving(portal.url, settings(provider_url)) as gateway:
        good = signed_in(provider_url, "adam")
        _, body, signature = good.split(".")
        assert (await session_status(gateway, good))[0] == 200
        caplog.clear()
        for n in range(20):
            token = f"{part({'alg': 'RS256', 'kid': f'k{n}'})}.{body}.{signature}"
            assert (await session_status(gateway, token))[0] == 401
        assert sum("/jwks" in one.getMessage() for one in caplog.records) <= 1


async def test_a_grant_from_signing_in_expires(portal: Portal, provider_url: str) -> None:
    async with (
        serving(portal.url, settings(provider_url, oidc_session_hours=1 / 3600)) as gateway,
        gateway.requests() as client,
    ):
        name = {"name": f"adam-{uuid4().hex[:8]}"}
        token = (await client.post(USERS, json=name, headers=bearer(signed_in(provider_url, "adam")))).json()[
            "token"
        ]
        async with person(gateway, token) as adam:
            assert await adam.closed() == 4002
        response = await client.get(INSTANCES, headers=bearer(token))
        assert (response.status_code, response.json()["code"]) == (401, "token_invalid")


async def test_a_claim_can_not_name_the_holder_of_a_static_token(portal: Portal, provider_url: str) -> None:
    """Users choose their names at the issuer."""
    static, line = make_token("ADAM", Role.OPERATOR)
    async with (
        serving(portal.url, settings(provider_url, tokens=(line,))) as address,
        address.requests() as client,
    ):
        adam = bearer(signed_in(provider_url, "adam"))
        name = (await client.get(SESSION, headers=adam)).json()["name"]
        assert name.startswith("user-")
        operation = (await client.post(INSTANCES, headers=adam)).json()["operation"]
        assert operation["actor"] == name
        assert (await client.post(USERS, json={"name": "Adam"}, headers=adam)).status_code == 409
        response = await client.post(USERS, json={}, headers=adam)
        assert response.json()["user"]["name"] == name
        assert (await client.post(USERS, json={"name": "Adam"}, headers=bearer(static))).status_code == 201


async def test_the_name_of_a_signed_in_user_who_left_is_not_free(gateway: Address, provider_url: str) -> None:
    async with gateway.requests() as client:
        mia = bearer(signed_in(provider_url, "mia"))
        response = await client.post(USERS, json={"name": "Mia"}, headers=mia)
        async with person(gateway, response.json()["token"]) as someone:
            await someone.send({"type": "leave"})
            await someone.closed()
        adam = bearer(signed_in(provider_url, "adam"))
        response = await client.post(USERS, json={"name": "MIA"}, headers=adam)
        assert (response.status_code, response.json()["code"]) == (409, "name_taken")
        assert (await client.post(USERS, json={"name": "Mia"}, headers=mia)).status_code == 201
