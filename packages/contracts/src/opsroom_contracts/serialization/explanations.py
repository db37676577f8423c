"""What is wrong with an invalid value, in the words of the API instead of the validation library."""

from collections.abc import Mapping
from typing import Any, Final

_INTEGER: Final = "must be an integer"
_NUMBER: Final = "must be a number"
_TRUTH: Final = "must be true or false"
_MOMENT: Final = "must be a date and time like 2026-11-23T23:04:05Z"
_DAY: Final = "must be a date like 2026-11-23"
_LIST: Final = "must be a list"
_OBJECT: Final = "must be an object"

_EXPLANATIONS: Final[Mapping[str, str]] = {
    "missing": "is required",
    "extra_forbidden": "is not permitted",
    "string_type": "must be text",
    "string_unicode": "must be valid Unicode text, without unpaired surrogates",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_from_float": _INTEGER,
    "int_parsing_size": "is too large",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "must be a finite number",
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "union_tag_not_found": "is required",
    "union_tag_invalid": "must be {expected_tags}",
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "timezone_aware": "must name its time zone",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "none_required": "must be null",
}
"""By the type of pydantic's error, with the fields of its context. Without an entry, its message is plain."""


def explanation(error: Mapping[str, Any], whole: str | None = None) -> str:
    """Return what is wrong with a value, as the end of a sentence that begins with the field.

    ``error``: one of ``errors()`` of pydantic's ValidationError. ``whole``: what begins the sentence if the
    value is no field.
    """
    known = _EXPLANATIONS.get(error["type"])
    if known is None:
        return str(error["msg"]).removeprefix("Value error, ")
    said = known.format_map(error.get("ctx", {})).replace("at least 1 characters", "at least 1 character")
    return said if whole is None else f"{whole} {said}"
