"""Port for the provider that executes commands, and a simulated implementation."""

import hashlib
from typing import Protocol

from opsroom_contracts.cloud.instances import FailureCode
from opsroom_contracts.cloud.models import Operation


class ProviderError(Exception):
    """The provider failed; users see the message or, in their language, a text for ``code``."""

    def __init__(self, message: str, code: FailureCode = FailureCode.PROVIDER_ERROR) -> None:
        super().__init__(message)
        self.code = code


class Provider(Protocol):
    """Executes an operation once it is due."""

    async def complete(self, operation: Operation) -> None:
        """Execute the operation; return when it is complete.

        Must be idempotent by ``operation.id``: it is called again after a crash, or if two processes take the
        same operation, and must then have the same outcome.

        Raises:
            ProviderError: the operation failed; the instance keeps its previous state.
        """


class SimulatedProvider:
    """Does nothing and returns immediately; a share of ``failure_rate`` (0 to 1) of the operations fails."""

    def __init__(self, failure_rate: float) -> None:
        self._failure_rate = failure_rate

    async def complete(self, operation: Operation) -> None:
        """Succeed or fail; the outcome is a function of the operation's id."""
        digest = hashlib.blake2b(operation.id.encode(), digest_size=8).digest()
        if int.from_bytes(digest, "big") < self._failure_rate * 2**64:
            raise ProviderError("the simulated provider is configured to fail", FailureCode.SIMULATED)
