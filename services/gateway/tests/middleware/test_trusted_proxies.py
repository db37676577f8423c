"""For whom a proxy speaks: what each host sends, and that nothing a client invents is believed."""

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
"""A client whose own address is one of Cloudflare's, as those of its VPN and of its Workers are."""
OWN_HEADERS = {"railway": "X-Real-IP", "fly": "Fly-Client-IP"}


def client(setting: str, peer: str, *headers: tuple[str, str]) -> str | None:
    """For whom ``peer`` speaks, by a comma-separated setting."""
    proxies = parse_proxies(setting.split(","))
    assert in_networks(peer, proxies.peers)
    return proxies.client_address(peer, Headers(raw=[(k.lower().encode(), v.encode()) for k, v in headers]))


def told(text: str, name: str = "X-Forwarded-For") -> tuple[str, str]:
    """A header."""
    return name, text


@pytest.mark.parametrize(
    ("setting", "peer", "headers"),
    [
        # As observed at Render, the second with a header of the client's own.
        ("render", "10.21.157.68", [told(f"{CLIENT}, 172.70.247.28, 10.19.6.53")]),
        ("render", "127.0.0.1", [told(f"2.2.2.2,{CLIENT}, 172.71.95.118, 10.19.64.237")]),
        ("render", "10.21.157.68", [told(f"{CLIENT}, 104.22.17.40")]),
        ("railway", "100.64.0.3", [told(CLIENT, "X-Real-IP"), told("2.2.2.2")]),
        ("fly", "172.16.5.98", [told(CLIENT, "Fly-Client-IP"), told("2.2.2.2, 66.241.124.1")]),
        ("fly", "fdaa:0:1::3", [told(CLIENT, "Fly-Client-IP")]),
        ("cloudflare", "172.70.247.28", [told(f"2.2.2.2,{CLIENT}")]),
        ("private", "192.168.1.2", [told(f"2.2.2.2, {CLIENT}, 10.0.0.1")]),
        ("private,cloudflare", "10.0.0.5", [told(f"2.2.2.2,{CLIENT}, 172.70.247.28")]),
        ("127.0.0.1", "127.0.0.1", [told("2.2.2.2"), told(CLIENT)]),
        ("127.0.0.1", "127.0.0.1", [told(f"{CLIENT}:4711")]),
        ("10.0.0.0/8", "::ffff:10.1.2.3", [told(f"::ffff:{CLIENT}")]),
    ],
)
def test_each_provider_forwards_the_client_in_its_own_way(
    setting: str, peer: str, headers: list[tuple[str, str]]
) -> None:
    assert client(setting, peer, *headers) == CLIENT


@pytest.mark.parametrize(
    ("setting", "peer", "header"),
    [
        ("render", "10.1.2.3", told(f"2.2.2.2, {WARP}, 172.70.247.28, 10.19.6.53")),
        ("cloudflare", "172.70.247.28", told(f"2.2.2.2, {WARP}")),
        ("private,cloudflare", "10.0.0.5", told(f"2.2.2.2, {WARP}, 172.70.247.28")),
        ("render,cloudflare", "172.70.247.28", told(f"2.2.2.2, {WARP}")),
    ],
)
def test_a_client_with_an_address_of_the_edge_is_not_skipped(
    setting: str, peer: str, header: tuple[str, str]
) -> None:
    assert client(setting, peer, header) == WARP


@pytest.mark.parametrize(
    ("setting", "peer", "headers"),
    [
        ("127.0.0.1", "127.0.0.1", [told("2.2.2.2, unknown")]),
        ("127.0.0.1", "127.0.0.1", [told("2.2.2.2, ")]),
        ("railway", "100.64.0.3", [told("2.2.2.2")]),
        ("railway", "100.64.0.3", [told("2.2.2.2", "X-Real-IP"), told(CLIENT, "X-Real-IP")]),
        ("railway", "100.64.0.3", [told("2.2.2.2, 3.3.3.3", "X-Real-IP")]),
        ("fly", "172.16.5.98", [told("2.2.2.2")]),
    ],
)
def test_unreliable_headers_are_ignored(setting: str, peer: str, headers: list[tuple[str, str]]) -> None:
    assert client(setting, peer, *headers) is None


texts = st.one_of(
    st.ip_addresses().map(str),
    st.sampled_from(["127.0.0.1", "10.1.2.3", WARP, "172.70.1.1", "unknown", "", "[::1]:80", "1.2.3.4:5"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
)


@given(st.lists(texts, max_size=6), st.booleans())
def test_forged_headers_do_not_change_the_client_address(invented: list[str], own_line: bool) -> None:
    """Whatever stands to the left of what the host appended, in the same header or in one of its own."""
    appended = {
        "render": ("10.1.2.3", f"{CLIENT}, 172.70.247.28, 10.19.6.53"),
        "cloudflare": ("172.70.247.28", CLIENT),
        "private": ("10.1.2.3", f"{CLIENT}, 10.0.0.1"),
        "127.0.0.1": ("127.0.0.1", CLIENT),
    }
    for setting, (peer, chain) in appended.items():
        forged = ", ".join(invented)
        headers = [told(forged), told(chain)] if own_line else [told(f"{forged}, {chain}")]
        assert client(setting, peer, *headers) == CLIENT
    for setting, peer in (("railway", "100.64.0.3"), ("fly", "172.16.5.98")):
        headers = [told(CLIENT, OWN_HEADERS[setting]), *(told(text) for text in invented)]
        assert client(setting, peer, *headers) == CLIENT


@given(st.ip_addresses(), st.sampled_from(sorted(PRESETS)))
def test_no_preset_trusts_the_public_internet(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, preset: str
) -> None:
    if in_networks(str(address), parse_proxies([preset]).peers):
        assert not address.is_global or in_networks(str(address), parse_networks(CLOUDFLARE))


@pytest.mark.parametrize(
    ("text", "words"),
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
def test_invalid_proxy_settings_are_rejected(text: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        gateway_settings(trusted_proxies=(text,))


def test_preset_names_are_case_insensitive() -> None:
    assert gateway_settings(trusted_proxies=("Render",)).trusted_proxies == ("render",)
