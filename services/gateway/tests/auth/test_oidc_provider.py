"""The cache of an OpenID provider's keys. The provider runs in the same event loop: no fetch may block it."""

import asyncio

import pytest
from jwt import PyJWK

from opsroom_contracts.errors import FaultError
from opsroom_gateway.auth import oidc_provider
from opsroom_gateway.auth.oidc_provider import OidcProvider
from services.gateway.tests.kit.fake_provider import DISCOVERY, KEYS, fake_provider, jwk, redirect, response


async def code_of(provider: OidcProvider, key_id: str | None) -> str:
    """The error code of a request for a key; empty if there is such a key."""
    try:
        assert isinstance(await provider.key(key_id), PyJWK)
    except FaultError as error:
        return error.fault.code.value
    return ""


async def test_only_keys_for_signatures_are_used() -> None:
    async with fake_provider() as fake:
        fake.publish(jwk("a"), jwk("b", use=None), jwk("c", use="enc"), {"kty": "new"}, "junk")
        provider = OidcProvider(fake.address)
        found = [await code_of(provider, key_id) for key_id in ("a", "b", "c", None)]
        assert found == ["", "", "token_invalid", "token_invalid"]


@pytest.mark.parametrize("key_id", [None, "a"])
async def test_a_token_without_a_key_id_uses_the_only_key(key_id: str | None) -> None:
    async with fake_provider() as fake:
        fake.publish(jwk(key_id), jwk("b", use="enc"))
        assert await code_of(OidcProvider(fake.address), None) == ""


async def test_requests_are_limited_also_while_the_provider_fails() -> None:
    async with fake_provider() as fake:
        provider = OidcProvider(fake.address)
        assert [await code_of(provider, f"k{n}") for n in range(5)] == ["unavailable"] * 5
        assert fake.requests == {DISCOVERY: 1}


async def test_concurrent_requests_share_one_fetch() -> None:
    async with fake_provider() as fake:
        fake.publish(jwk("a"))
        provider = OidcProvider(fake.address)
        assert await asyncio.gather(*(code_of(provider, "a") for _ in range(5))) == [""] * 5
        assert fake.requests == {DISCOVERY: 1, KEYS: 1}


async def test_expired_keys_are_used_while_the_provider_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fake_provider() as fake:
        fake.publish(jwk("a"))
        provider = OidcProvider(fake.address)
        assert await code_of(provider, "a") == ""
        monkeypatch.setattr(oidc_provider, "_RETRY_SECONDS", 0.0)
        monkeypatch.setattr(oidc_provider, "_KEYS_TTL_SECONDS", 0.0)
        for broken in (response(b"", "500 Internal Server Error"), response(b'{"keys": []}'), b"junk"):
            fake.paths[KEYS] = broken
            before = fake.requests[KEYS]
            assert await code_of(provider, "a") == ""
            fetch = provider.start_fetch()
            assert fetch is not None
            await fetch
            assert fake.requests[KEYS] == before + 1
        fake.publish(jwk("b"))
        assert [await code_of(provider, key_id) for key_id in ("b", "a")] == ["", "token_invalid"]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"issuer": "http://127.0.0.1"}, "names the issuer"),
        ({"jwks_uri": "http://192.0.2.1/keys"}, "is not https"),
        ({"token_endpoint": "file:///etc/passwd"}, "is not https"),
    ],
)
async def test_unusable_metadata_is_rejected(
    metadata: dict[str, str], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with fake_provider() as fake:
        fake.publish(jwk("a"), **metadata)
        assert await code_of(OidcProvider(fake.address), "a") == "unavailable"
    assert reason in caplog.text


async def test_redirects_are_followed_to_secure_addresses_only(caplog: pytest.LogCaptureFixture) -> None:
    async with fake_provider() as fake:
        fake.publish(jwk("a"))
        fake.paths["/moved"], fake.paths[KEYS] = fake.paths[KEYS], redirect("/moved")
        assert await code_of(OidcProvider(fake.address), "a") == ""
        # 0.0.0.0 is this machine too, but not an address that counts as one.
        fake.paths[KEYS] = redirect(fake.address.replace("127.0.0.1", "0.0.0.0") + "/moved")
        assert await code_of(OidcProvider(fake.address), "a") == "unavailable"
        assert "is not https" in caplog.text
        assert fake.requests["/moved"] == 1
        fake.paths[KEYS] = redirect(KEYS)
        assert await code_of(OidcProvider(fake.address), "a") == "unavailable"
        assert "too many redirects" in caplog.text


async def test_responses_are_limited_in_size_and_time(caplog: pytest.LogCaptureFixture) -> None:
    async with fake_provider() as fake:
        fake.publish(jwk("a"))
        small = fake.paths[KEYS]
        fake.paths[KEYS] = response(b" " * 600_000 + small.partition(b"\r\n\r\n")[2])
        assert await code_of(OidcProvider(fake.address), "a") == "unavailable"
        assert "is too large" in caplog.text
        fake.paths[KEYS] = small.replace(b"Content-Length", b"Expected-Length")
        fake.unfinished.add(KEYS)
        assert await code_of(OidcProvider(fake.address, fetch_seconds=0.1), "a") == "unavailable"
