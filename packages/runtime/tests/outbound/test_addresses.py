"""Addresses that requests may be sent to: public ones only, whatever the name says."""

import asyncio
from ipaddress import IPv4Address

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts.errors import FaultError
from opsroom_runtime.outbound.addresses import AddressRule, is_public
from opsroom_runtime.outbound.client import CheckedNetwork, NotSentError, outbound_client

RULE = AddressRule("endpoint", "CHAT_PUSH_PRIVATE")

PUBLIC = ("8.8.8.8", "2a00:1450:4001:80b::200e", "::ffff:8.8.8.8", "64:ff9b::808:808")
PRIVATE = (
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00::1", "ff02::1", "2001:db8::1"),
    *(
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::",
    ),
    *("", "localhost", "1.2.3"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_embedded_address_is_as_public_as_itself(address: IPv4Address) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.org/a",
        "https://user@push.example.org/a",
        "https://push.example.org:0/a",
        "https://push.example.org/a#b",
        "https:///a",
        "https://localhost/a",
        "https://printer.local/a",
        "https://metadata.internal/a",
        "https://intranet/a",
        "https://10.0.0.1/a",
        "https://2130706433/a",
        "https://0x7f.1/a",
        "https://[::1]/a",
        "https://[::ffff:10.0.0.1]/a",
        "https://push.example.org:99999/a",
    ],
)
def test_refused_endpoints(endpoint: str) -> None:
    with pytest.raises(FaultError) as refused:
        RULE.check(endpoint)
    assert refused.value.fault.field == "endpoint"


@pytest.mark.parametrize(
    "endpoint", ["https://push.example.org/a?b=c", "https://8.8.8.8/a", "https://push.example.org:8443/a"]
)
def test_accepted_endpoints(endpoint: str) -> None:
    RULE.check(endpoint)


@pytest.mark.parametrize("endpoint", ["http://10.0.0.1/a", "http://push:8080/a", "https://localhost/a"])
def test_accepted_private_endpoints(endpoint: str) -> None:
    AddressRule("endpoint", "CHAT_PUSH_PRIVATE", allow_private=True).check(endpoint)


@pytest.mark.parametrize("endpoint", ["ftp://10.0.0.1/a", "file:///etc/passwd", "10.0.0.1"])
def test_refused_private_endpoints(endpoint: str) -> None:
    with pytest.raises(FaultError):
        AddressRule("endpoint", "CHAT_PUSH_PRIVATE", allow_private=True).check(endpoint)


async def test_a_name_that_leads_to_this_machine_is_not_connected_to() -> None:
    requests = 0

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, outbound_client(allow_private=False) as client:
        with pytest.raises(NotSentError, match="private network"):
            await client.post(f"http://localhost:{port}/a", {}, b"")
        with pytest.raises(httpcore.ConnectError, match="private network"):
            await CheckedNetwork(allow_private=False).connect_tcp("localhost", port)
    assert requests == 0
