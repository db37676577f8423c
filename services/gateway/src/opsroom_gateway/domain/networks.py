"""IP addresses and networks from settings and requests."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

LOOPBACK: Final = ("127.0.0.0/8", "::1")
PRIVATE: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
CLOUDFLARE: Final = (
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "108.162.192.0/18",
    "131.0.72.0/22",
    "141.101.64.0/18",
    "162.158.0.0/15",
    "172.64.0.0/13",
    "173.245.48.0/20",
    "188.114.96.0/20",
    "190.93.240.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "2400:cb00::/32",
    "2405:8100::/32",
    "2405:b500::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
)
"""Published at https://www.cloudflare.com/ips/. Clients behind a range that is missing here share one
address; a missing range never makes a forged address count."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_CACHED_MAX: Final = 64
"""Longer texts are no addresses, and would fill the memory."""


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Parse addresses and networks (``10.0.0.0/8``).

    Raises:
        ValueError: one of them is neither; the message says why.
    """
    return tuple(_parse_network(text) for text in texts)


def in_networks(address: str, among: tuple[Network, ...]) -> bool:
    """Return whether ``address`` is in one of the networks."""
    parsed = parse_address(address.partition("%")[0])
    return parsed is not None and any(parsed in network for network in among)


def parse_address(text: str) -> _Address | None:
    """Parse an address; an IPv4-mapped IPv6 address becomes IPv4. Returns None if it is invalid."""
    return _parsed(text) if len(text) <= _CACHED_MAX else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> _Address | None:
    """Parse an address. Cached, because several checks of a request need the same one."""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def _parse_network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither an address nor a network: write 10.1.2.3 or 10.0.0.0/8"
        ) from None
    address = text.partition("/")[0]
    if parse_address(address) != parse_address(str(network.network_address)):
        raise ValueError(f"{text!r} can mean two things: write {network} for the network, or {address}")
    return network
