"""JSON that Python's own parser rejects or accepts against RFC 8259."""

import json

import pytest

from opsroom_gateway.domain.json_text import parse_json


@pytest.mark.parametrize("digits", [1, 20, 4_300, 4_301, 60_000])
def test_numbers_may_have_any_length(digits: int) -> None:
    text = '{"a": %s, "b": "x"}' % ("9" * digits)
    assert parse_json(text)["b"] == "x"
    assert parse_json(text.encode())["a"] == float("9" * digits)


@pytest.mark.parametrize("number", ["1e400", "-1e99999", "0.1e-99999", "-0"])
def test_exponents_may_have_any_size(number: str) -> None:
    assert parse_json(f'[{number}, "x"]')[1] == "x"


@pytest.mark.parametrize("depth", [1, 98, 99, 100, 101, 199, 200, 201, 1_000, 30_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"]":', "}]")])
def test_values_may_nest_to_any_depth(depth: int, opening: str, closing: str) -> None:
    deep = opening * depth + '"["' + closing * depth
    text = '{"before": 1, "deep": ' + deep + ', "after": [[2]]}'
    found = parse_json(text)
    assert list(found) == ["before", "deep", "after"]
    assert found["after"] == [[2]]


def test_shallow_values_are_as_in_the_standard_library() -> None:
    value: object = {"a": [1.5, None, True, "\u20ac", {"b": [[]]}], "c": {}}
    assert parse_json(json.dumps(value)) == value


def test_the_last_of_repeated_names_counts() -> None:
    assert parse_json('{"a": 1, "a": "x"}') == {"a": "x"}


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        '{"a": Infinity}',
        "[-Infinity]",
        "",
        "[1,]",
        "\ufeff[]",
        "[" * 5_000,
        "[" * 5_000 + "]" * 4_999,
        "[" * 5_000 + "]" * 5_001,
        "[" * 5_000 + "1,}" + "]" * 4_999,
        "[" * 5_000 + "}" + "]" * 4_999,
        "[" * 5_000 + "nul" + "]" * 5_000,
        '["' + "[" * 5_000,
        "]" * 5_000,
    ],
)
def test_what_is_not_json_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


@pytest.mark.parametrize("data", [b"\xff[]", "[]".encode("utf-16")])
def test_other_encodings_are_rejected(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(data)
