"""Client addresses from trusted proxies: each provider's headers, and forged ones."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.datastructures import Headers

from opsroom_gateway.domain.networks import CLOUDFLARE, in_networks, parse_networks
from opsroom_gateway.middleware.trusted_proxies import PRESETS, parse_proxies
from services.gateway.tests.kit.portal import gateway_settings

CLIENT = "203.0.113.7"
WARP = "104.16.3.9"
"""A client with an address of Cloudflare's, like those of its VPN and its Workers."""
OWN_HEADERS = {"railway": "X-Real-IP", "fly": "Fly-Client-IP"}


def client_address(setting: str, peer: str, *headers: tuple[str, str]) -> str | None:
    """Return the address forwarded by ``peer`` under a comma-separated setting."""
    proxies = parse_proxies(setting.split(","))
    assert in_networks(peer, proxies.peers)
    return proxies.client_address(peer, Headers(raw=[(k.lower().encode(), v.encode()) for k, v in headers]))


def header(text: str, name: str = "X-Forwarded-For") -> tuple[str, str]:
    """Return a header."""
    return name, text


@pytest.mark.parametrize(
    ("setting", "peer", "headers"),
    [
        # Observed at Render; in the second case the client sent a header.
        ("render", "10.21.157.68", [header(f"{CLIENT}, 172.70.247.28, 10.19.6.53")]),
        ("render", "127.0.0.1", [header(f"2.2.2.2,{CLIENT}, 172.71.95.118, 10.19.64.237")]),
        ("render", "10.21.157.68", [header(f"{CLIENT}, 104.22.17.40")]),
        ("railway", "100.64.0.3", [header(CLIENT, "X-Real-IP"), header("2.2.2.2")]),
        ("fly", "172.16.5.98", [header(CLIENT, "Fly-Client-IP"), header("2.2.2.2, 66.241.124.1")]),
        ("fly", "fdaa:0:1::3", [header(CLIENT, "Fly-Client-IP")]),
        ("cloudflare", "172.70.247.28", [header(f"2.2.2.2,{CLIENT}")]),
        ("private", "192.168.1.2", [header(f"2.2.2.2, {CLIENT}, 10.0.0.1")]),
        ("private,cloudflare", "10.0.0.5", [header(f"2.2.2.2,{CLIENT}, 172.70.247.28")]),
        ("127.0.0.1", "127.0.0.1", [header("2.2.2.2"), header(CLIENT)]),
        ("127.0.0.1", "127.0.0.1", [header(f"{CLIENT}:4711")]),
        ("10.0.0.0/8", "::ffff:10.1.2.3", [header(f"::ffff:{CLIENT}")]),
    ],
)
def test_each_provider_forwards_the_client_in_its_own_way(
    setting: str, peer: str, headers: list[tuple[str, str]]
) -> None:
    assert client_address(setting, peer, *headers) == CLIENT


@pytest.mark.parametrize(
    ("setting", "peer", "header"),
    [
        ("render", "10.1.2.3", header(f"2.2.2.2, {WARP}, 172.70.247.28, 10.19.6.53")),
        ("cloudflare", "172.70.247.28", header(f"2.2.2.2, {WARP}")),
        ("private,cloudflare", "10.0.0.5", header(f"2.2.2.2, {WARP}, 172.70.247.28")),
        ("render,cloudflare", "172.70.247.28", header(f"2.2.2.2, {WARP}")),
    ],
)
def test_a_client_with_an_address_of_the_edge_is_not_skipped(
    setting: str, peer: str, header: tuple[str, str]
) -> None:
    assert client_address(setting, peer, header) == WARP


@pytest.mark.parametrize(
    ("setting", "peer", "headers"),
    [
        ("127.0.0.1", "127.0.0.1", [header("2.2.2.2, unknown")]),
        ("127.0.0.1", "127.0.0.1", [header("2.2.2.2, ")]),
        ("railway", "100.64.0.3", [header("2.2.2.2")]),
        ("railway", "100.64.0.3", [header("2.2.2.2", "X-Real-IP"), header(CLIENT, "X-Real-IP")]),
        ("railway", "100.64.0.3", [header("2.2.2.2, 3.3.3.3", "X-Real-IP")]),
        ("fly", "172.16.5.98", [header("2.2.2.2")]),
    ],
)
def test_unreliable_headers_are_ignored(setting: str, peer: str, headers: list[tuple[str, str]]) -> None:
    assert client_address(setting, peer, *headers) is None


texts = st.one_of(
    st.ip_addresses().map(str),
    st.sampled_from(["127.0.0.1", "10.1.2.3", WARP, "172.70.1.1", "unknown", "", "[::1]:80", "1.2.3.4:5"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
)


@given(st.lists(texts, max_size=6), st.booleans())
def test_forged_headers_do_not_change_the_client_address(invented: list[str], own_line: bool) -> None:
    """Forged addresses are left of the provider's, in the same header or in a separate one."""
    appended = {
        "render": ("10.1.2.3", f"{CLIENT}, 172.70.247.28, 10.19.6.53"),
        "cloudflare": ("172.70.247.28", CLIENT),
        "private": ("10.1.2.3", f"{CLIENT}, 10.0.0.1"),
        "127.0.0.1": ("127.0.0.1", CLIENT),
    }
    for setting, (peer, chain) in appended.items():
        forged = ", ".join(invented)
        headers = [header(forged), header(chain)] if own_line else [header(f"{forged}, {chain}")]
        assert client_address(setting, peer, *headers) == CLIENT
    for setting, peer in (("railway", "100.64.0.3"), ("fly", "172.16.5.98")):
        headers = [header(CLIENT, OWN_HEADERS[setting]), *(header(text) for text in invented)]
        assert client_address(setting, peer, *headers) == CLIENT


@given(st.ip_addresses(), st.sampled_from(sorted(PRESETS)))
def test_no_preset_trusts_the_public_internet(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, preset: str
) -> None:
    if in_networks(str(address), parse_proxies([preset]).peers):
        assert not address.is_global or in_networks(str(address), parse_networks(CLOUDFLARE))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.0.0.0/0", "lets everybody claim any address"),
        ("::/0", "lets everybody claim any address"),
        ("10.0.0.5/8", "write 10.0.0.0/8 for the network, or 10.0.0.5"),
        ("nginx", "or one of render, railway, fly, cloudflare, private"),
        ("*", "neither an address nor a network"),
        ("http://10.0.0.1", "neither an address nor a network"),
        ("10.0.0.1:80", "neither an address nor a network"),
    ],
)
def test_invalid_proxy_settings_are_rejected(text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        gateway_settings(trusted_proxies=(text,))


def test_preset_names_are_case_insensitive() -> None:
    assert gateway_settings(trusted_proxies=("Render",)).trusted_proxies == ("render",)
