"""Messages between gateways, and requests to all of them."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from opsroom_contracts.audit import Address
from opsroom_contracts.chat.models import RawName
from opsroom_contracts.serialization.model import Identifier, Model, Timestamp

KNOWN_ADDRESSES_MAX = 50
"""The maximum number of addresses in one reply."""


class RateLimitDelta(Model):
    """The use of a rate limit on ``gateway`` since its last update, by user or address."""

    gateway: Identifier
    limit: Identifier
    counts: dict[
        Annotated[str, Field(min_length=1, max_length=128)], Annotated[int, Field(ge=1, le=1_000_000)]
    ]


class KnownAddressesRequest(Model):
    """Get the addresses from which users with ``name`` are or were connected."""

    name: RawName


class AddressSeen(Model):
    """An IPv4 address or IPv6 /64 network, and when a user was last connected from it."""

    address: Address
    at: Timestamp


class KnownAddresses(Model):
    """Addresses from which a user is or was connected, latest first."""

    sightings: Annotated[tuple[AddressSeen, ...], Field(max_length=KNOWN_ADDRESSES_MAX)]


RATE_LIMIT_DELTA = TypeAdapter(RateLimitDelta)
