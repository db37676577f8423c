"""Limits on a connection's headers, and on the number of connections of an address."""

from collections import Counter
from dataclasses import dataclass, field

from opsroom_contracts.addresses import network_of
from opsroom_gateway.domain.networks import Network, in_networks
from opsroom_gateway.transport.flow_control import READ_BYTES
from opsroom_gateway.transport.input_budget import InputAccount, InputBudgets


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits per connection and per address. ``header_seconds`` and ``header_bytes`` hold for each request.

    ``header_bytes`` limits all bytes of a request that are not its body: request line, headers, chunk
    extensions and trailers.

    ``exempt``: addresses to which ``per_address`` and the budgets' share do not apply: proxies, which connect
    for many clients, and exempt clients.
    """

    header_seconds: float
    header_bytes: int
    per_address: int
    exempt: tuple[Network, ...]
    budgets: InputBudgets
    open_by_network: Counter[str] = field(default_factory=Counter)
    read_buffer: bytearray = field(default_factory=lambda: bytearray(READ_BYTES))
    """What connections read to. It is used before the next one reads."""

    def account(self, address: str) -> InputAccount:
        """Return the account of ``address``, to be released once."""
        return self.budgets.acquire(address, exempt=in_networks(address, self.exempt))


class AddressSlot:
    """The place of one connection among those of its address."""

    __slots__ = ("_limits", "_network")

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._network: str | None = None

    def acquire(self, address: str) -> bool:
        """Count the connection. False if ``address`` has too many."""
        limits = self._limits
        if not limits.per_address or in_networks(address, limits.exempt):
            return True
        network = network_of(address)
        if limits.open_by_network[network] >= limits.per_address:
            return False
        limits.open_by_network[network] += 1
        self._network = network
        return True

    def release(self) -> None:
        """Stop counting the connection."""
        network, self._network = self._network, None
        if network is not None:
            self._limits.open_by_network[network] -= 1
            if not self._limits.open_by_network[network]:
                del self._limits.open_by_network[network]
