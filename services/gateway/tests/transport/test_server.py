"""The address that the gateway listens on."""

import socket

import pytest

from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.transport.server import AddressInUseError, listen


def test_the_listener_names_tcp_so_that_asyncio_disables_nagle() -> None:
    """asyncio turns Nagle's delay off for sockets that name their protocol, and leaves it on for others."""
    with listen(GatewaySettings(port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_an_address_in_use_is_reported_in_one_line() -> None:
    with listen(GatewaySettings(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUseError, match=rf"127\.0\.0\.1:{port}"):
            listen(GatewaySettings(port=port))
