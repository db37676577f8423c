"""The base of every model that crosses a boundary, and the scalar types they share."""

import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A closed, immutable model: camelCase on the wire, no coercion, no undeclared field."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        frozen=True,
        strict=True,
        use_enum_values=False,
        defer_build=True,
        ser_json_inf_nan="null",
    )


ModelT = TypeVar("ModelT", bound=Model)


def to_milliseconds(moment: datetime) -> datetime:
    """Cut ``moment`` to whole milliseconds of UTC, the precision every timestamp has on the wire.

    Raises:
        ValueError: ``moment`` has no time zone, or leaves the range of years in UTC.
    """
    if moment.tzinfo is None:
        raise ValueError("must name its time zone")
    if moment.tzinfo is UTC and not moment.microsecond % 1000:
        return moment  # as nearly always: a moment is cut once and checked at every boundary after
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def copy_fields(source: Model, target: type[ModelT], **more: object) -> ModelT:
    """A ``target`` with the values of ``source`` for the fields that ``more`` does not give.

    A constant field (``type``, ``version``) keeps the target's own value.

    Raises:
        AttributeError: ``source`` lacks a field that ``target`` requires.
    """
    values = {
        name: getattr(source, name)
        for name, field in target.model_fields.items()
        if name not in more and get_origin(field.annotation) is not Literal
    }
    return target(**values, **more)


def rfc3339(moment: datetime) -> str:
    """Write ``moment`` as RFC 3339 in UTC with milliseconds: ``2026-11-23T23:04:05.678Z``."""
    return to_milliseconds(moment).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


Timestamp = Annotated[
    datetime,
    AfterValidator(to_milliseconds),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
]
"""A moment: RFC 3339 with milliseconds on the wire, an aware UTC ``datetime`` in code."""


def _printable(value: str) -> str:
    # What the first check lets pass, the second would: it is there since it costs a twentieth.
    if not value.isprintable() and any(unicodedata.category(char) in {"Cc", "Cs"} for char in value):
        raise ValueError("must hold no control characters")
    return value


Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
"""An id that the server made, safe as one token of a NATS subject: 1 to 64 of ``A-Z a-z 0-9 _ -``."""

ClientId = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_printable)]
"""An id that a client made for one intention, so that a retry is harmless: 1 to 128 printable characters."""

RoomName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
"""A room's name, safe as one token of a NATS subject."""

Sequence = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""A position in a JetStream stream; 0 stands before the first message."""
