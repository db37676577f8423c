"""The addresses of brokers, as people write them."""

from collections.abc import Sequence
from urllib.parse import urlsplit


class AddressError(ValueError):
    """What was given is no address; the message says so in one line, without the password it may carry."""


def addresses(url: str) -> list[str]:
    """The addresses in ``url``, which separates those of a cluster by commas.

    Raises:
        AddressError: one of them is none. The client can't be closed after refusing one itself.
    """
    found = [part.strip() for part in url.split(",")]
    for address in found:
        try:
            parts = urlsplit(address if "://" in address else f"nats://{address}")
            usable = bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise AddressError(f"{_hidden(address)!r} is no address of a NATS server, like nats://host:4222")
    return found


def hosts(servers: Sequence[str]) -> str:
    """Addresses to tell of, without the names and passwords that they may carry."""
    return ",".join(_hidden(address) for address in servers)


def _hidden(address: str) -> str:
    return address.rpartition("@")[2]
