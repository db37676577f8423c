"""The addresses of a transport's two ends, as an ASGI scope has them."""

from asyncio.transports import BaseTransport


def client_address(transport: BaseTransport) -> tuple[str, int] | None:
    """Return the peer's host and port. None if it was gone before the connection was accepted."""
    return _host_and_port(transport, "peername")


def server_address(transport: BaseTransport) -> tuple[str, int] | None:
    """Return the host and port that the peer connected to."""
    return _host_and_port(transport, "sockname")


def is_tls(transport: BaseTransport) -> bool:
    """Return whether the transport encrypts."""
    return transport.get_extra_info("sslcontext") is not None


def _host_and_port(transport: BaseTransport, end: str) -> tuple[str, int] | None:
    address = transport.get_extra_info(end)
    if not isinstance(address, tuple):
        return None
    return str(address[0]), int(address[1])
