"""Origins and addresses in settings: parsed as browsers do, or rejected with a hint."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_gateway.domain.web_addresses import parse_origin
from opsroom_gateway.settings import GatewaySettings
from opsroom_runtime.errors import SettingsError
from services.gateway.tests.kit.portal import Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOKEN_MODE = {"access": "token", "tokens": ("a viewer sha256:" + "0" * 64,)}

labels = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
hosts = st.lists(labels, min_size=1, max_size=4).map(".".join)
ports = st.none() | st.integers(1, 65_535)
behind = st.sampled_from(["", "/", "/opsroom/", "/?api=x", "/#top", "?q", "#f"])
blanks = st.sampled_from(["", " ", "\t", " \n"])
DEFAULT = {"http": 80, "https": 443}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://you.github.io/", "https://you.github.io"),
        ("https://You.github.io", "https://you.github.io"),
        ("HTTPS://you.github.io:443/opsroom/?a#b", "https://you.github.io"),
        ("http://page.example:80", "http://page.example"),
        ("https://page.example:80", "https://page.example:80"),
        ("https://пример.рф/", "https://xn--e1afmkfd.xn--p1ai"),
        ("https://ПРИМЕР.рф", "https://xn--e1afmkfd.xn--p1ai"),
        ("https://faß.de", "https://xn--fa-hia.de"),
        ("https://[2001:DB8:0::1]:443", "https://[2001:db8::1]"),
        ("tauri://localhost", "tauri://localhost"),
        ("*", "*"),
    ],
)
async def test_origins_are_parsed_as_browsers_send_them(written: str, sent: str) -> None:
    for text in (written, f" {written}\t"):
        settings = GatewaySettings.from_environment({"GATEWAY_ALLOWED_ORIGINS": text})
        assert settings.origins() == (sent,)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("you.github.io", "has no scheme: write it with https://"),
        ("//you.github.io", "has no scheme"),
        ("https:/you.github.io", "has no scheme"),
        ("https://", "has no host"),
        ("https:///opsroom", "has no host"),
        ("file:///home/me/index.html", "has no host"),
        ("javascript://x", "has no origin that browsers send"),
        ("null", "name the pages' own origin"),
        ("https://*.github.io", "is a pattern"),
        ("https://me:secret@page.example", "no user name and no password"),
        ("https://page.example:0", "port from 1 to 65535"),
        ("https://page.example:https", "port from 1 to 65535"),
        ("https://page.example:65536", "port from 1 to 65535"),
        ("https://page example", "not a host name"),
        ("https://page.example\\x", "not a host name"),
        ("https://ex%61mple.com", "not a host name"),
        ("http://127.1", "not an IP address"),
        ("http://1.2.3.4.5", "not an IP address"),
        ("http://[::1", "is not a URL"),
        ("https://пример..рф", "not a host name"),
    ],
)
async def test_invalid_origins_are_rejected_with_the_setting_and_value(written: str, message: str) -> None:
    environ = {"GATEWAY_ALLOWED_ORIGINS": f"https://fine.example,{written}"}
    with pytest.raises(SettingsError, match=re.escape(message)) as refused:
        GatewaySettings.from_environment(environ)
    assert str(refused.value).startswith("GATEWAY_ALLOWED_ORIGINS=")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("written", ["", " ", ",", " , "])
async def test_an_empty_list_of_origins_means_the_default(written: str) -> None:
    environ = {"GATEWAY_ALLOWED_ORIGINS": written}
    assert GatewaySettings.from_environment(environ).origins() == ("*",)
    assert gateway_settings(**TOKEN_MODE, allowed_origins=()).origins() == ()


@given(st.sampled_from(sorted(DEFAULT)), hosts, ports, behind, blanks, st.randoms())
async def test_all_spellings_of_a_page_give_the_origin_that_browsers_send(
    scheme: str, host: str, port: int | None, rest: str, blank: str, chance: Random
) -> None:
    named = port is not None and port != DEFAULT[scheme]
    sent = f"{scheme}://{host}" + (f":{port}" if named else "")
    typed = "".join(chance.choice((c.lower(), c.upper())) for c in f"{scheme}://{host}")
    typed += "" if port is None else f":{port}"
    assert parse_origin(f"{blank}{typed}{rest}{blank}") == sent
    assert parse_origin(sent) == sent


@given(st.text(max_size=60) | st.text("htps:/.@[]*?#%\\ a1-", max_size=40).map("https://".__add__))
async def test_any_text_is_rejected_or_becomes_an_origin_that_browsers_send(text: str) -> None:
    try:
        origin = parse_origin(text)
    except ValueError:
        return
    assert origin == "*" or re.fullmatch(r"[a-z][a-z0-9+.-]*://[!-~]+", origin)
    assert parse_origin(origin) == origin


async def test_a_page_configured_by_its_url_may_call(portal: Portal) -> None:
    origin = "https://you.github.io"
    settings = gateway_settings(**TOKEN_MODE, allowed_origins=("https://You.github.io/opsroom/",))
    async with serving(portal.url, settings) as address, address.requests() as client:
        response = await client.get("/api/v1/session", headers={"Origin": origin})
        assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (200, origin)
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        preflight = await client.options("/api/v1/chat/users", headers=asked)
        assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (200, origin)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("GATEWAY_OIDC_ISSUER", "id.example/realms/team", "has no scheme"),
        ("GATEWAY_OIDC_ISSUER", "ldap://id.example", "must start with https://"),
        ("GATEWAY_OIDC_ISSUER", "https://id.example/?realm=team", "no query"),
        ("GATEWAY_OIDC_ISSUER", "https://me:secret@id.example", "no user name"),
        ("GATEWAY_OIDC_ISSUER", "https://id.example:port/", "port from 1 to 65535"),
        ("GATEWAY_HOST", "http://0.0.0.0", "host name or an IP address"),
        ("GATEWAY_HOST", "", "host name or an IP address"),
        ("GATEWAY_HOST", "[::1]", "host name or an IP address"),
        ("GATEWAY_ADMIN_HOST", "0.0.0.0/0", "host name or an IP address"),
        ("GATEWAY_EXEMPT_ADDRESSES", "10.0.0.5/8", "write 10.0.0.0/8"),
        ("GATEWAY_EXEMPT_ADDRESSES", "my-laptop", "neither an address nor a network"),
        ("GATEWAY_TRUSTED_PROXIES", "nginx", "or one of render"),
    ],
)
async def test_other_invalid_addresses_are_rejected_with_the_setting(
    variable: str, value: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)) as refused:
        GatewaySettings.from_environment({variable: value})
    assert str(refused.value).startswith(f"{variable}=")


async def test_an_issuer_is_kept_unchanged() -> None:
    for issuer in ("https://you.eu.auth0.com/", "http://keycloak:8080/realms/Team"):
        environ = {"GATEWAY_OIDC_ISSUER": f" {issuer} "}
        assert GatewaySettings.from_environment(environ).oidc_issuer == issuer
    assert GatewaySettings.from_environment({"GATEWAY_OIDC_ISSUER": ""}).oidc_issuer is None
