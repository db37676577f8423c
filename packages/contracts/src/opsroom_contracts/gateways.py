"""What gateways tell each other, and what is asked of all of them."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from opsroom_contracts.audit import Address
from opsroom_contracts.chat import RawName
from opsroom_contracts.model import Identifier, Model, Timestamp

SIGHTINGS_MAX = 50
"""The most addresses of one name that are told."""


class RateLimitDelta(Model):
    """How much of a limit was used up at ``gateway`` since it last told, by user or address."""

    gateway: Identifier
    limit: Identifier
    counts: dict[
        Annotated[str, Field(min_length=1, max_length=128)], Annotated[int, Field(ge=1, le=1_000_000)]
    ]


class KnownAddressesRequest(Model):
    """Ask from where those are, or just were, who go by ``name``."""

    name: RawName


class AddressSeen(Model):
    """An address (of version 6 its network of 64 bits) and when somebody was last connected from there."""

    address: Address
    at: Timestamp


class KnownAddresses(Model):
    """From where somebody is or was connected, the latest first."""

    sightings: Annotated[tuple[AddressSeen, ...], Field(max_length=SIGHTINGS_MAX)]


SPENT = TypeAdapter(RateLimitDelta)
