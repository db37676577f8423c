"""Network addresses as keys of rate limits and bans."""

import ipaddress
from functools import lru_cache

_IPV6_NETWORK_BITS = 64
"""A client with one IPv6 address usually controls its whole /64 network."""
_CACHED_MAX = 64
"""Longer texts are no addresses, and would fill the memory."""


class AddressRuleError(ValueError):
    """An address can't be banned; the message explains why to the user who typed it."""


def network_of(address: str) -> str:
    """Return an IPv4 address as it is and an IPv6 address as its /64 network; other text is unchanged."""
    plain = address.partition("%")[0]
    return (_network_of(plain) if len(plain) <= _CACHED_MAX else None) or address


@lru_cache(maxsize=4096)
def _network_of(address: str) -> str | None:
    """Return the network; None for other text. Cached, because several limits of a request need the same."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK_BITS), strict=False))
    return str(parsed)


def bannable_network(text: str) -> str:
    """Return the network to ban for an address, or for a network as :func:`network_of` returns it.

    Raises:
        AddressRuleError: not an address, a larger network, or a loopback, unspecified or multicast address.
    """
    try:
        network = ipaddress.ip_network(network_of(text.strip()), strict=True)
    except ValueError:
        raise AddressRuleError("must be one address, like 203.0.113.7 or 2001:db8::7") from None
    size = 32 if isinstance(network, ipaddress.IPv4Network) else _IPV6_NETWORK_BITS
    if network.prefixlen != size:
        raise AddressRuleError("must be one address, not a network")
    if (
        network.is_loopback
        or network.is_unspecified
        or network.is_multicast
        or ipaddress.ip_address("::1") in network
    ):
        raise AddressRuleError(f"{text.strip()} is a loopback, unspecified or multicast address")
    return str(network) if network.version == 6 else str(network.network_address)
