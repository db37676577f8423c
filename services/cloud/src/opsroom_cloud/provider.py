"""Whoever does the work behind a command: the port, and the simulation that stands there now."""

import hashlib
from typing import Protocol

from opsroom_contracts.cloud import Operation


class ProviderError(Exception):
    """The provider could not do it; the words go to whoever gave the command."""


class Provider(Protocol):
    """Does the work of an operation once it is due."""

    async def complete(self, operation: Operation) -> None:
        """Do it; return when it is done.

        Must be idempotent by ``operation.id``: after a crash, or when two processes take the same
        operation at once, it is called again, and must come to the same end.

        Raises:
            ProviderError: it can't be done; the instance keeps its former state.
        """


class SimulatedProvider:
    """Does nothing, at once; fails for a share ``failure_rate`` (0 to 1) of the operations."""

    def __init__(self, failure_rate: float) -> None:
        self._failure_rate = failure_rate

    async def complete(self, operation: Operation) -> None:
        """Succeed or fail, for the same operation always the same."""
        digest = hashlib.blake2b(operation.id.encode(), digest_size=8).digest()
        if int.from_bytes(digest, "big") < self._failure_rate * 2**64:
            raise ProviderError("the simulated provider was told to fail")
