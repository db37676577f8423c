"""Devices of a member, and one-time links that sign in another one."""

from typing import Annotated, Final

from pydantic import Field

from opsroom_contracts.identity import Grant
from opsroom_contracts.serialization.model import Model, Timestamp

DEVICES_MAX: Final = 16
"""The maximum number of devices of one member. One more signs out the device that was added first."""
DEVICE_LINK_SECONDS: Final = 600
"""How long a link for another device is valid."""


class Device(Model):
    """A browser or program that a member is signed in on. ``token_hash``: the digest of its token."""

    token_hash: str
    grant: Grant | None = None


class Link(Model):
    """A one-time link that signs in one more device of a member, until ``until``.

    ``hash``: the digest of its secret; the secret itself is stored nowhere. ``grant``: that of the new
    device. ``by``: the admin who invited the member; None: the member made it on a device of theirs.
    """

    hash: str
    at: Timestamp
    until: Timestamp
    grant: Grant | None = None
    by: Annotated[str, Field(min_length=1, max_length=64)] | None = None
