"""Addresses that pushes may be sent to: public ones only, whatever the name says."""

from ipaddress import IPv4Address

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_chat.push.addresses import check_endpoint, is_public
from opsroom_chat.push.transport import CheckedNetwork, NotSentError, push_transport
from opsroom_contracts.errors import FaultError
from services.chat.tests.push.push_service import push_service

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
        check_endpoint(endpoint, allow_private=False)
    assert refused.value.fault.field == "endpoint"


@pytest.mark.parametrize(
    "endpoint", ["https://push.example.org/a?b=c", "https://8.8.8.8/a", "https://push.example.org:8443/a"]
)
def test_accepted_endpoints(endpoint: str) -> None:
    check_endpoint(endpoint, allow_private=False)


async def test_a_name_that_leads_to_this_machine_is_not_connected_to() -> None:
    async with push_service() as service, push_transport(allow_private=False) as transport:
        port = int(service.url.rpartition(":")[2])
        with pytest.raises(NotSentError, match="private network"):
            await transport.send(f"http://localhost:{port}/a", {}, b"")
        with pytest.raises(httpcore.ConnectError, match="private network"):
            await CheckedNetwork(allow_private=False).connect_tcp("localhost", port)
        assert service.requests == 0
