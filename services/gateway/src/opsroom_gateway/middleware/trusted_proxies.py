"""Trusted proxies and the client addresses that they forward.

A proxy appends the address of its peer to the right of ``X-Forwarded-For``; anything further left may have
been invented by the client. The header is therefore read from the right, and only trusted proxies are
skipped. Some hosts put the client's address into a separate header, which they always overwrite.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers

from opsroom_gateway.domain.networks import (
    CLOUDFLARE,
    LOOPBACK,
    PRIVATE,
    Network,
    in_networks,
    parse_address,
    parse_networks,
)

FORWARDED_FOR: Final = "x-forwarded-for"
_FORWARDING_HEADERS: Final = (FORWARDED_FOR, "forwarded", "x-real-ip", "fly-client-ip")


@dataclass(frozen=True, slots=True)
class Preset:
    """The proxies of a hosting provider. Networks are text."""

    peers: tuple[str, ...]
    """Networks that connect to us."""
    hops: tuple[str, ...] = ()
    """The provider's inner proxies: any number of them is skipped in ``X-Forwarded-For``."""
    edge: tuple[str, ...] = ()
    """The outermost proxies: only one is skipped, because clients may have addresses in the same networks."""
    header: str = FORWARDED_FOR
    """The header with the client's address."""


PRESETS: Final = {
    # X-Forwarded-For: <what the client sent>,<client>, <Cloudflare>, <10.x>
    "render": Preset(peers=(*LOOPBACK, "10.0.0.0/8"), hops=(*LOOPBACK, "10.0.0.0/8"), edge=CLOUDFLARE),
    # X-Real-IP is documented and overwritten; X-Forwarded-For is not documented.
    "railway": Preset(peers=("100.64.0.0/10",), header="x-real-ip"),
    # The rightmost of X-Forwarded-For is the application's own public address, in no published range.
    "fly": Preset(peers=("172.16.0.0/12", "fdaa::/16"), header="fly-client-ip"),
    "cloudflare": Preset(peers=CLOUDFLARE, edge=CLOUDFLARE),
    "private": Preset(peers=PRIVATE, hops=PRIVATE),
}
"""Presets by the name that the setting accepts instead of addresses."""


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The trusted proxies: all presets and addresses of the setting, combined."""

    peers: tuple[Network, ...]
    hops: tuple[Network, ...]
    edge: tuple[Network, ...]
    headers: tuple[tuple[tuple[Network, ...], str], ...]
    """Peers that send the client's address in a separate header, and its name."""

    def client_address(self, peer: str, headers: Headers) -> str | None:
        """Return the client's address as forwarded by ``peer``, a trusted proxy. None if it is unreliable."""
        for peers, header in self.headers:
            if in_networks(peer, peers):
                return _single_address(headers.getlist(header))
        forwarded = ",".join(headers.getlist(FORWARDED_FOR))
        return self._client((*forwarded.split(","), peer) if forwarded else (peer,))

    def _client(self, chain: Sequence[str]) -> str | None:
        """Read ``chain`` from the right. If all are trusted proxies, the outermost is the client."""
        outermost, at_edge = None, False
        for text in reversed(chain):
            address = _strip_port(text)
            if address is None:
                return None
            if at_edge or not (in_networks(address, self.hops) or in_networks(address, self.edge)):
                return address
            at_edge = not in_networks(address, self.hops)
            outermost = address
        return outermost


def parse_proxies(texts: Sequence[str]) -> TrustedProxies:
    """Parse addresses, networks and names of presets.

    Raises:
        ValueError: one of ``texts`` is none of these.
    """
    own = tuple(text for text in texts if text not in PRESETS)
    presets = [PRESETS[text] for text in texts if text in PRESETS]
    given = Preset(peers=own, hops=own)
    by_address = [given, *(preset for preset in presets if preset.header == FORWARDED_FOR)]
    return TrustedProxies(
        peers=parse_networks(text for preset in (given, *presets) for text in preset.peers),
        hops=parse_networks(text for preset in by_address for text in preset.hops),
        edge=parse_networks(text for preset in by_address for text in preset.edge),
        headers=tuple(
            (parse_networks(preset.peers), preset.header)
            for preset in presets
            if preset.header != FORWARDED_FOR
        ),
    )


def validate_proxy(text: str) -> str:
    """Return a preset, address or network in the form that ``parse_proxies`` takes.

    Raises:
        ValueError: it is none of these, or would trust everybody.
    """
    if text.lower() in PRESETS:
        return text.lower()
    try:
        (network,) = parse_networks((text,))
    except ValueError as error:
        raise ValueError(f"{error}, or one of {', '.join(PRESETS)}") from None
    if network.prefixlen == 0:
        raise ValueError(f"{text!r} lets everybody claim any address: name the proxies, or their network")
    return str(network) if "/" in text else text


def is_forwarded(headers: Headers) -> bool:
    """Return whether a request has any header of a forwarding proxy."""
    return any(name in headers for name in _FORWARDING_HEADERS)


def _single_address(values: Sequence[str]) -> str | None:
    """Return the only address; None if there are several or it is invalid."""
    return _strip_port(values[0]) if len(set(values)) == 1 else None


def _strip_port(text: str) -> str | None:
    """Return the address of ``192.0.2.7``, ``192.0.2.7:443``, ``2001:db8::7`` or ``[2001:db8::7]:443``."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    parsed = parse_address(host)
    return None if parsed is None else str(parsed)
