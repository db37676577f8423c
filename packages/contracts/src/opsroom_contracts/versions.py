"""What streams hold, read by today's code whichever release stored it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast, get_args

from pydantic_core import from_json

from opsroom_contracts.codec import ContractError, PayloadTooLargeError, contract_of, decode
from opsroom_contracts.model import Model, ModelT

_UNNAMED = 1
"""The version of what names none, as what was published by hand: the first, for good."""

_TYPE_MAX = 64
"""The longest name of a type; anything longer is not one."""

StoredT = TypeVar("StoredT")


class NewerVersionError(ContractError):
    """A newer release stored it: whatever this one made of it could be wrong, so nothing is."""


@dataclass(frozen=True, slots=True)
class PreviousVersion:
    """A shape of earlier releases: its closed model, and the same said in the shape of the next version.

    ``lift`` is pure: the same event is lifted at every reading, and never stored anew.
    """

    model: type[Model]
    upgrade: Callable[[Any], Model]


class StoredContract(Generic[ModelT]):
    """A contract of stored payloads. ``older``: by its version, each shape that streams may still hold.

    Versions follow each other without a gap, so a shape is written down once, when the next one replaces it.
    """

    def __init__(self, model: type[ModelT], older: dict[int, PreviousVersion] | None = None) -> None:
        self.model = model
        self.older = older or {}
        self._contract = contract_of(model)
        self.version: int = get_args(model.model_fields["version"].annotation)[0]

    def read(self, data: bytes) -> ModelT:
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

    def _lifted(self, version: int, data: bytes) -> ModelT:
        value: Model = decode(contract_of(self.older[version].model), data)
        for number in range(version, self.version):
            value = self.older[number].upgrade(value)
        return cast("ModelT", value)


class StoredUnion(Generic[StoredT]):
    """Contracts of one subject, told apart by ``type``, each with its own versions.

    ``contracts``: by type; the first is tried first, and is that of payloads without a ``type``.
    """

    def __init__(self, contracts: Mapping[str, StoredContract[Any]]) -> None:
        self._contracts = dict(contracts)
        self._usual = next(iter(self._contracts))

    def read(self, data: bytes) -> StoredT:
        """Read a stored payload, upgraded to the current version of its type.

        Raises:
            NewerVersionError: a newer release stored it: its version, or its type, is not known here.
            ContractError: it fits the contract of no version of its type.
        """
        usual = self._contracts[self._usual]
        try:
            return cast("StoredT", usual.read(data))  # nearly always
        except PayloadTooLargeError:
            raise
        except ContractError:
            kind = _type_in(data, self._usual)
            if kind == self._usual or kind is None:
                raise
        if kind not in self._contracts:
            raise NewerVersionError("type", f"{kind!r} is not known to this release")
        return cast("StoredT", self._contracts[kind].read(data))


def _type_in(data: bytes, default: str) -> str | None:
    """The type that a payload claims; None if it can't claim any."""
    try:
        found = from_json(data)
    except ValueError:
        return None
    kind = found.get("type", default) if isinstance(found, dict) else None
    return kind if isinstance(kind, str) and 0 < len(kind) <= _TYPE_MAX else None


def _version_in(data: bytes) -> int | None:
    """The version that a payload claims; None where it can't claim any."""
    try:
        found = from_json(data)
    except ValueError:
        return None
    version = found.get("version", _UNNAMED) if isinstance(found, dict) else None
    return version if type(version) is int else None
