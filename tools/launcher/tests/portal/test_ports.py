"""Ports: taken, free, and of other machines."""

import socket

import pytest

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.portal.ports import connect_host, format_host_port, free_port
from tools.launcher.tests.processes import taken_port


def test_taken_port_is_refused_with_the_option_that_mends_it() -> None:
    listener, port = taken_port()
    with listener, pytest.raises(RefusedError) as refused:
        free_port("127.0.0.1", port, "--port")
    assert f"127.0.0.1:{port}: address already in use" in str(refused.value)
    assert "--port" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_port_taken_on_loopback_is_taken_for_all_addresses() -> None:
    listener, port = taken_port()
    with listener, pytest.raises(RefusedError):
        free_port("0.0.0.0", port, "--port")


def test_port_whose_connections_linger_is_free() -> None:
    listener, port = taken_port()
    with listener, socket.create_connection(("127.0.0.1", port)) as client:
        server, _ = listener.accept()
        server.close()  # the side that closes first keeps the connection in TIME_WAIT
        client.recv(1)
    assert free_port("127.0.0.1", port, "--port") == port


def test_zero_means_any_and_leaves_it_free() -> None:
    port = free_port("127.0.0.1", 0, "--port")
    with socket.create_server(("127.0.0.1", port)):
        assert 0 < port < 32_768, "an outgoing connection could take it meanwhile"


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "nowhere.invalid"])
def test_host_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(RefusedError, match=r"^opsroom: can't listen on [^\n]+ \(choose .+ --host\)$"):
        free_port(host, 0, "--host")


def test_addresses_as_urls_have_them() -> None:
    assert format_host_port("::1", 80) == "[::1]:80"
    assert format_host_port("localhost", 80) == "localhost:80"
    assert [connect_host(host) for host in ("0.0.0.0", "::", "10.0.0.1")] == ["127.0.0.1", "::1", "10.0.0.1"]
