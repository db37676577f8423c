"""Reading of stored payloads that earlier or later releases wrote."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeGuard, TypeVar, cast, get_args

from pydantic_core import from_json, to_json

from opsroom_contracts.serialization.codec import ContractError, PayloadTooLargeError, contract_of, decode
from opsroom_contracts.serialization.model import Model, ModelT

_DEFAULT_VERSION = 1
"""Payloads without a version, such as those published by hand, are version 1."""

_NAME_MAX = 64
"""The maximum length of the name of a type or of an enumeration's member; anything longer is malformed."""

_LEADING_VERSION = re.compile(rb'\{"version":([0-9]{1,4})[,}]')
"""The beginning of a payload as :func:`encode` writes it: the version is the first field of every model."""

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

    A model that reads two versions as they are, ``version: Literal[1, 2]``, is written as version 1 where it
    has nothing that a release of version 1 would misread.
    ``previous``: the previous versions that streams may still hold, by number. Versions have no gaps: each
    upgrades to the next one. A new member of an enumeration needs no new version: for earlier releases it is
    newer.
    """

    def __init__(self, model: type[ModelT], previous: dict[int, PreviousVersion] | None = None) -> None:
        self.model = model
        self.previous = previous or {}
        self._contract = contract_of(model)
        self._enumerations = dict(_enumerations_of(model))
        self.version: int = get_args(model.model_fields["version"].annotation)[-1]

    def read(self, data: bytes) -> ModelT:
        """Read a stored payload; upgrade it to the current version if an older release stored it.

        Raises:
            NewerVersionError: a newer release stored it.
            ContractError: it fits no version of the contract.
        """
        leading = _LEADING_VERSION.match(data) if self.previous else None
        if leading is not None and (older := int(leading[1])) in self.previous:
            with suppress(ContractError):  # whatever is wrong with it is found out below
                return self._upgrade(older, data)
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
            if version == self.version:
                self._check_members(data)
            if version is None or version not in self.previous:
                raise
        return self._upgrade(version, data)

    def _check_members(self, data: bytes) -> None:
        """Raise NewerVersionError if ``data`` would fit with known members of its enumerations."""
        found = from_json(data)
        unknown = {
            field: found[field]
            for field, members in self._enumerations.items()
            if _is_name(found.get(field)) and found[field] not in members
        }
        if not unknown:
            return
        known = {field: min(self._enumerations[field]) for field in unknown}
        try:
            decode(self._contract, to_json({**found, **known}))
        except ContractError:
            return  # it is malformed in another way, too
        field, value = next(iter(unknown.items()))
        raise NewerVersionError(field, f"{value!r} is unknown to this release") from None

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


def _enumerations_of(model: type[Model]) -> Iterator[tuple[str, frozenset[str]]]:
    """The fields of ``model`` whose values are members of enumerations, by their names in payloads."""
    for name, field in model.model_fields.items():
        types = get_args(field.annotation) or (field.annotation,)
        enumerations = [one for one in types if isinstance(one, type) and issubclass(one, StrEnum)]
        if enumerations:
            members = frozenset(str(member) for enumeration in enumerations for member in enumeration)
            yield field.alias or name, members


def _type_in(data: bytes, default: str) -> str | None:
    """Return the payload's ``type``; None if it is malformed."""
    try:
        found = from_json(data)
    except ValueError:
        return None
    kind = found.get("type", default) if isinstance(found, dict) else None
    return kind if _is_name(kind) else None


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _NAME_MAX


def _version_in(data: bytes) -> int | None:
    """Return the payload's ``version``; None if it is malformed."""
    try:
        found = from_json(data)
    except ValueError:
        return None
    version = found.get("version", _DEFAULT_VERSION) if isinstance(found, dict) else None
    return version if type(version) is int else None
