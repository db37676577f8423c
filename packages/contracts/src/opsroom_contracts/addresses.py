"""Addresses of the network, as limits and bans go by them."""

import ipaddress

_IPV6_SITE_BITS = 64
"""Who has one address of version 6 has a whole network of them."""


class AddressRuleError(ValueError):
    """What can't be banned; the message says why, in words for the one who typed it."""


def site_of(address: str) -> str:
    """The address, or its network of 64 bits for version 6; what is no address stays as it is."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _IPV6_SITE_BITS), strict=False))
    return str(parsed)


def bannable_site(text: str) -> str:
    """The site of an address that somebody wants banned; a site itself stays as it is.

    Raises:
        AddressRuleError: it is no address, or one that is nobody's in particular.
    """
    try:
        site = ipaddress.ip_network(site_of(text.strip()), strict=True)
    except ValueError:
        raise AddressRuleError("must be one address, like 203.0.113.7 or 2001:db8::7") from None
    size = 32 if isinstance(site, ipaddress.IPv4Network) else _IPV6_SITE_BITS
    if site.prefixlen != size:
        raise AddressRuleError("must be one address, not a network of them")
    if site.is_loopback or site.is_unspecified or site.is_multicast or ipaddress.ip_address("::1") in site:
        raise AddressRuleError(f"{text.strip()} stands for this machine, or for no one in particular")
    return str(site) if site.version == 6 else str(site.network_address)
