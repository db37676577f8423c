"""Reading of stored payloads that earlier or later releases wrote."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast, get_args

from pydantic_core import from_json

from opsroom_contracts.codec import ContractError, PayloadTooLargeError, contract_of, decode
from opsroom_contracts.model import Model, ModelT

_DEFAULT_VERSION = 1
"""Payloads without a version, such as those published by hand, are version 1."""

_TYPE_MAX = 64
"""The maximum length of a type name; anything longer is malformed."""

StoredT = TypeVar("StoredT")


class NewerVersionError(ContractError):
    """A newer release stored the payload. It must be skipped: this release could misinterpret it."""


@dataclass(frozen=True, slots=True)
class PreviousVersion:
    """A previous version of a payload: its model, and the conversion to the next version.

    ``upgrade`` must be pure: it runs on every read, and the result is never stored.
    """

    model: type[Model]
    upgrade: Callable[[Any], Model]


class StoredContract(Generic[ModelT]):
    """A versioned contract of stored payloads.

    ``previous``: the previous versions that streams may still hold, by number. Versions have no gaps: each
    upgrades to the next one.
    """

    def __init__(self, model: type[ModelT], previous: dict[int, PreviousVersion] | None = None) -> None:
        self.model = model
        self.previous = previous or {}
        self._contract = contract_of(model)
        self.version: int = get_args(model.model_fields["version"].annotation)[0]

    def read(self, data: bytes) -> ModelT:
        """Read a stored payload; upgrade it to the current version if an older release stored it.

        Raises:
            NewerVersionError: a newer release stored it.
            ContractError: it fits no version of the contract.
        """
        try:
            return decode(self._contract, data)  # fast path: look at the version only after an error
        except PayloadTooLargeError:
            raise
        except ContractError:
            version = _version_in(data)
            if version is not None and version > self.version:
                raise NewerVersionError(
                    "version", f"is {version}, from a newer release; this release reads up to {self.version}"
                ) from None
            if version is None or version not in self.previous:
                raise
        return self._upgrade(version, data)

    def _upgrade(self, version: int, data: bytes) -> ModelT:
        value: Model = decode(contract_of(self.previous[version].model), data)
        for number in range(version, self.version):
            value = self.previous[number].upgrade(value)
        return cast("ModelT", value)


class StoredUnion(Generic[StoredT]):
    """A union of stored contracts, discriminated by ``type``; each type has its own versions.

    ``contracts``: the contract of each type. The first one is the default for payloads without a ``type``.
    """

    def __init__(self, contracts: Mapping[str, StoredContract[Any]]) -> None:
        self._contracts = dict(contracts)
        self._default_type = next(iter(self._contracts))

    def read(self, data: bytes) -> StoredT:
        """Read a stored payload, upgraded to the current version of its type.

        Raises:
            NewerVersionError: a newer release stored it: its version or type is unknown to this release.
            ContractError: it fits no version of its type.
        """
        default = self._contracts[self._default_type]
        try:
            return cast("StoredT", default.read(data))  # fast path: most payloads have the default type
        except PayloadTooLargeError:
            raise
        except ContractError:
            kind = _type_in(data, self._default_type)
            if kind == self._default_type or kind is None:
                raise
        if kind not in self._contracts:
            raise NewerVersionError("type", f"{kind!r} is unknown to this release")
        return cast("StoredT", self._contracts[kind].read(data))


def _type_in(data: bytes, default: str) -> str | None:
    """Return the payload's ``type``; None if it is malformed."""
    try:
        found = from_json(data)
    except ValueError:
        return None
    kind = found.get("type", default) if isinstance(found, dict) else None
    return kind if isinstance(kind, str) and 0 < len(kind) <= _TYPE_MAX else None


def _version_in(data: bytes) -> int | None:
    """Return the payload's ``version``; None if it is malformed."""
    try:
        found = from_json(data)
    except ValueError:
        return None
    version = found.get("version", _DEFAULT_VERSION) if isinstance(found, dict) else None
    return version if type(version) is int else None
