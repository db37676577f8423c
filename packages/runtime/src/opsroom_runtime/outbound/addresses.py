"""Which addresses requests may be sent to. Others name the address, so it may be anything."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from opsroom_contracts.errors import ErrorCode, refuse

_NAT64: Final = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
_LOCAL_NAMES: Final = ("localhost", ".localhost", ".local", ".internal", ".home.arpa")


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, also if an IPv4 address is embedded in it."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    embedded = _embedded(found) if isinstance(found, IPv6Address) else None
    return _is_global(found if embedded is None else embedded)


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    return address.is_global and not special and not address.is_link_local and not address.is_private


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour if address in _SIX_TO_FOUR else None


@dataclass(frozen=True, slots=True)
class AddressRule:
    """Which addresses are accepted, and how a refusal names them.

    ``field``: the field of the request. ``setting``: the variable that allows private networks.
    ``allow_private``: whether it does so. They may then also be without TLS.
    """

    field: str
    setting: str
    allow_private: bool = False

    def check(self, address: str) -> None:
        """Check an address, as far as that is possible without a look-up of its name.

        Raises:
            FaultError: ``invalid_request``.
        """
        try:
            parts = urlsplit(address)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise self._refused("is not an address") from None
        if (
            not host
            or parts.username is not None
            or parts.password is not None
            or port == 0
            or parts.fragment
        ):
            raise self._refused("must have a host, and neither a user name nor a fragment")
        if parts.scheme not in {"http", "https"}:
            raise self._refused("must begin with https://")
        if not self.allow_private:
            self._check_public(parts, host)

    def _check_public(self, parts: SplitResult, host: str) -> None:
        if parts.scheme != "https":
            raise self._refused("must begin with https://")
        is_address = ":" in host or host.rstrip(".").rpartition(".")[2].isdecimal()
        bare = host.rstrip(".").lower()
        if (
            (is_address and not is_public(host))
            or bare.endswith(_LOCAL_NAMES)
            or "." not in bare + ":" * is_address
        ):
            raise self._refused(f"is in a private network; the setting {self.setting} allows it")

    def _refused(self, reason: str) -> Exception:
        return refuse(ErrorCode.INVALID_REQUEST, f"{self.field}: {reason}", field=self.field)
