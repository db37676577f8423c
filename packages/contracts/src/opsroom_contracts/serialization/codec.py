"""JSON encoding and decoding of models, with errors that name the field."""

from functools import cache
from typing import TypeVar, cast

from pydantic import BaseModel, TypeAdapter, ValidationError

from opsroom_contracts.serialization.explanations import explanation

MAX_PAYLOAD_BYTES = 256 * 1024
"""The largest payload that a service reads from a NATS subject, in bytes."""

ValueT = TypeVar("ValueT")
ModelT = TypeVar("ModelT", bound=BaseModel)


class ContractError(ValueError):
    """A payload does not fit its contract.

    Attributes:
        field: dotted path of the invalid field; empty if the payload as a whole is invalid.
        reason: what is wrong, as a message for the sender.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class PayloadTooLargeError(ContractError):
    """A payload is over the size limit; it was not parsed."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__("", f"the payload has {size} bytes, the limit is {limit}")


class UnknownKindError(ContractError):
    """A tagged union or an enumeration has no such member; a newer sender may know it."""


def encode(model: BaseModel) -> bytes:
    """Encode ``model`` as compact UTF-8 JSON; fields that are None are omitted."""
    return model.__pydantic_serializer__.to_json(model, by_alias=True, exclude_none=True)


def decode(contract: TypeAdapter[ValueT], data: bytes | str, limit: int = MAX_PAYLOAD_BYTES) -> ValueT:
    """Decode one value of ``contract`` from JSON.

    Raises:
        PayloadTooLargeError: ``data`` is longer than ``limit`` bytes (characters, if it is text).
        ContractError: invalid JSON, an undeclared or missing field, a wrong type, or a value out of bounds.
    """
    if len(data) > limit:
        raise PayloadTooLargeError(len(data), limit)
    try:
        return contract.validate_json(data, by_alias=True, by_name=False)
    except ValidationError as error:
        raise _fault_in(contract, error) from None


def decode_lenient(contract: TypeAdapter[ValueT], data: bytes | str, limit: int) -> ValueT:
    """Decode like :func:`decode`, but ignore undeclared fields: clients read a server that may be newer.

    Raises:
        UnknownKindError: the value has an undeclared tag, or members of enumerations are its only faults; the
            caller should ignore it.
        PayloadTooLargeError, ContractError: as for ``decode``.
    """
    if len(data) > limit:
        raise PayloadTooLargeError(len(data), limit)
    try:
        return contract.validate_json(data, by_alias=True, by_name=False, extra="ignore")
    except ValidationError as error:
        fault = _fault_in(contract, error)
        faults = error.errors(include_url=False)
        if all(one["type"] == "enum" and isinstance(one["input"], str) for one in faults):
            raise UnknownKindError(fault.field, fault.reason) from None
        raise fault from None


def contract_of(model: type[ModelT]) -> TypeAdapter[ModelT]:
    """Return the type adapter of ``model`` for :func:`decode`. Cached, because building one is slow."""
    return cast("TypeAdapter[ModelT]", _contract_of(model))


@cache
def _contract_of(model: type[BaseModel]) -> TypeAdapter[BaseModel]:
    return TypeAdapter(model)


def first_fault(error: ValidationError) -> ContractError:
    """Convert pydantic's first error to a :class:`ContractError`: one field, one reason."""
    fault = error.errors(include_url=False, include_input=False)[0]
    # pydantic adds union members to the path ("action.str-enum[Command]"); they are not field names.
    path = [str(part) for part in fault["loc"] if "[" not in str(part)]
    if fault["type"].startswith("union_tag_"):
        path.append(fault["ctx"]["discriminator"].strip("'"))
    reason = explanation(fault, None if path else "the payload")
    if fault["type"] == "union_tag_invalid" and len(path) == 1:
        return UnknownKindError(path[0], reason)
    return ContractError(".".join(path), reason)


def _fault_in(contract: TypeAdapter[ValueT], error: ValidationError) -> ContractError:
    """Return the first fault with the path as the sender wrote it: without pydantic's leading union tag."""
    fault = first_fault(error)
    schema = contract.core_schema
    if schema["type"] == "definitions":
        schema = schema["schema"]
    if schema["type"] == "tagged-union" and error.errors()[0]["loc"]:
        fault = ContractError(fault.field.partition(".")[2], fault.reason)
    return fault
