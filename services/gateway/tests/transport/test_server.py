"""The listening socket of the gateway."""

import socket

import pytest

from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.transport.server import AddressInUseError, listen


def test_the_listener_names_tcp_so_that_asyncio_disables_nagle() -> None:
    """asyncio disables Nagle's algorithm only for sockets whose protocol is explicitly TCP."""
    with listen(GatewaySettings(port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_an_address_in_use_is_reported_in_one_line() -> None:
    with listen(GatewaySettings(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUseError, match=rf"127\.0\.0\.1:{port}"):
            listen(GatewaySettings(port=port))
