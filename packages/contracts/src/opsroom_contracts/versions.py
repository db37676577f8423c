"""What streams hold, read by today's code whichever release stored it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast, get_args

from pydantic_core import from_json

from opsroom_contracts.codec import ContractError, PayloadTooLargeError, contract_of, decode
from opsroom_contracts.model import Model

_UNNAMED = 1
"""The version of what names none, as what was published by hand: the first, for good."""

StoredT = TypeVar("StoredT", bound=Model)


class NewerVersionError(ContractError):
    """A newer release stored it: whatever this one made of it could be wrong, so nothing is."""


@dataclass(frozen=True, slots=True)
class PreviousVersion:
    """A shape of earlier releases: its closed model, and the same said in the shape of the next version.

    ``lift`` is pure: the same event is lifted at every reading, and never stored anew.
    """

    model: type[Model]
    upgrade: Callable[[Any], Model]


class StoredContract(Generic[StoredT]):
    """A contract of stored payloads. ``older``: by its version, each shape that streams may still hold.

    Versions follow each other without a gap, so a shape is written down once, when the next one replaces it.
    """

    def __init__(self, model: type[StoredT], older: dict[int, PreviousVersion] | None = None) -> None:
        self.model = model
        self.older = older or {}
        self._contract = contract_of(model)
        self.version: int = get_args(model.model_fields["version"].annotation)[0]

    def read(self, data: bytes) -> StoredT:
        """Read a stored payload, lifted to today's shape where an older release stored it.

        Raises:
            NewerVersionError: a newer release stored it.
            ContractError: it fits the contract of no version.
        """
        try:
            return decode(self._contract, data)  # as nearly always: what follows costs only the rest
        except PayloadTooLargeError:
            raise
        except ContractError:
            version = _version_in(data)
            if version is not None and version > self.version:
                raise NewerVersionError(
                    "version", f"is {version}, of a newer release; this one reads up to {self.version}"
                ) from None
            if version is None or version not in self.older:
                raise
        return self._lifted(version, data)

    def _lifted(self, version: int, data: bytes) -> StoredT:
        value: Model = decode(contract_of(self.older[version].model), data)
        for number in range(version, self.version):
            value = self.older[number].upgrade(value)
        return cast("StoredT", value)


def _version_in(data: bytes) -> int | None:
    """The version that a payload claims; None where it can't claim any."""
    try:
        found = from_json(data)
    except ValueError:
        return None
    version = found.get("version", _UNNAMED) if isinstance(found, dict) else None
    return version if type(version) is int else None
