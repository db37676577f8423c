"""Ports: find a free one, format an address."""

import errno
import ipaddress
import random
import socket
from contextlib import suppress

from opsroom_launcher.errors import RefusedError

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what people may ask for, not what is bound by default

_NOT_EPHEMERAL = range(20_000, 32_768)
"""Below the range that systems use for outgoing connections."""
_TRIES = 20


def free_port(host: str, wanted: int, option: str) -> int:
    """Return ``wanted`` if a server could listen on it now, or any free port for 0.

    The port isn't reserved: another server may take it first. Then the server's own error,
    or the timeout of the start, reports it. Any free port is outside the range of outgoing connections.

    Raises:
        RefusedError: it is taken, or the host is not of this machine; the message names ``option``.
    """
    try:
        if wanted:
            return _bindable(host, wanted)
        for port in random.sample(_NOT_EPHEMERAL, _TRIES):
            with suppress(_InUseError):
                return _bindable(host, port)
        return _bindable(host, 0)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RefusedError(
            f"opsroom: can't listen on {format_host_port(host, wanted)}: {reason[:1].lower()}{reason[1:]}"
            f" (choose another with {option})"
        ) from error


class _InUseError(OSError):
    pass


def _bindable(host: str, port: int) -> int:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        # As servers do: a port whose last connections are in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise _InUseError(error.errno, error.strerror) from error
            raise
        bound: int = probe.getsockname()[1]
        return bound


def connect_host(host: str) -> str:
    """Return the host at which this machine reaches a server that listens on ``host``."""
    return _ANY.get(host, host)


def format_host_port(host: str, port: int) -> str:
    """Format ``host:port`` as in URLs, with IPv6 addresses in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to a server that listens on ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
