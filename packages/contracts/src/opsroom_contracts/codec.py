"""JSON bytes to models and back, with errors that name the field."""

from functools import cache
from typing import Literal, TypeVar, cast

from pydantic import BaseModel, TypeAdapter, ValidationError

MAX_PAYLOAD_BYTES = 256 * 1024
"""The largest payload that a service reads from a NATS subject, in bytes."""

ValueT = TypeVar("ValueT")
ModelT = TypeVar("ModelT", bound=BaseModel)


class ContractError(ValueError):
    """A payload that does not fit its contract.

    Attributes:
        field: dotted path of the offending field; empty when the payload as a whole is at fault.
        reason: what is wrong with it, in words for the sender.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class PayloadTooLargeError(ContractError):
    """A payload over the limit; its contents were not looked at."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__("", f"the payload has {size} bytes, the limit is {limit}")


class UnknownKindError(ContractError):
    """One of a union that has no such member: what a newer sender may say beside the rest."""


def encode(model: BaseModel) -> bytes:
    """Write ``model`` as compact JSON in UTF-8; fields that are None are left out."""
    return model.__pydantic_serializer__.to_json(model, by_alias=True, exclude_none=True)


def decode(contract: TypeAdapter[ValueT], data: bytes | str, limit: int = MAX_PAYLOAD_BYTES) -> ValueT:
    """Read one value of ``contract`` from JSON.

    Raises:
        PayloadTooLargeError: ``data`` is longer than ``limit`` bytes (characters, for text).
        ContractError: not JSON, an undeclared or missing field, a wrong type, a value out of bounds.
    """
    return _decode(contract, data, limit, None)


def _decode(
    contract: TypeAdapter[ValueT], data: bytes | str, limit: int, extra: Literal["ignore"] | None
) -> ValueT:
    if len(data) > limit:
        raise PayloadTooLargeError(len(data), limit)
    try:
        return contract.validate_json(data, by_alias=True, by_name=False, extra=extra)
    except ValidationError as error:
        raise _fault_in(contract, error) from None


def decode_lenient(contract: TypeAdapter[ValueT], data: bytes | str, limit: int) -> ValueT:
    """As :func:`decode`, but undeclared fields are passed over: for what a server tells, which may be newer.

    Raises:
        UnknownKindError: of a kind that is not declared; to be passed over, too.
        PayloadTooLargeError, ContractError: as for ``decode``.
    """
    return _decode(contract, data, limit, "ignore")


def contract_of(model: type[ModelT]) -> TypeAdapter[ModelT]:
    """What :func:`decode` needs to read ``model``; made once, since making it costs more than reading."""
    return cast("TypeAdapter[ModelT]", _contract_of(model))


@cache
def _contract_of(model: type[BaseModel]) -> TypeAdapter[BaseModel]:
    return TypeAdapter(model)


def first_fault(error: ValidationError) -> ContractError:
    """Reduce pydantic's report to its first fault: one field, one reason."""
    fault = error.errors(include_url=False, include_input=False)[0]
    # pydantic puts the member of a union into the path ("action.str-enum[Command]"): no field is called so.
    path = [str(part) for part in fault["loc"] if "[" not in str(part)]
    if fault["type"].startswith("union_tag_"):
        path.append(fault["ctx"]["discriminator"].strip("'"))
    if fault["type"] == "union_tag_invalid" and len(path) == 1:
        return UnknownKindError(path[0], fault["msg"])
    return ContractError(".".join(path), fault["msg"].removeprefix("Value error, "))


def _fault_in(contract: TypeAdapter[ValueT], error: ValidationError) -> ContractError:
    """The first fault, its path as the sender wrote it: without the tag that pydantic puts before it."""
    fault = first_fault(error)
    schema = contract.core_schema
    if schema["type"] == "definitions":
        schema = schema["schema"]
    if schema["type"] == "tagged-union" and error.errors()[0]["loc"]:
        fault = ContractError(fault.field.partition(".")[2], fault.reason)
    return fault
