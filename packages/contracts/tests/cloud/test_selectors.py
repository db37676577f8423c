"""Selectors of servers by their labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts.cloud.selectors import matches, read_selector

WORDS = st.text("abc019._/-", min_size=1, max_size=8)
LABELS = st.dictionaries(WORDS, WORDS, min_size=1, max_size=16)


@given(LABELS, LABELS)
def test_a_selector_that_names_labels_selects_servers_that_have_them(
    wanted: dict[str, str], more: dict[str, str]
) -> None:
    text = " , ".join(f"{key} = {value}" for key, value in wanted.items())
    assert read_selector(text) == wanted
    assert matches(read_selector(text), {**more, **wanted})
    key = next(iter(wanted))
    assert not matches(wanted, {**more, **wanted, key: wanted[key] + "x"})
    assert not matches(wanted, {name: value for name, value in {**more, **wanted}.items() if name != key})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must be like"),
        ("env", "must be like"),
        ("=prod", "must be like"),
        ("env=prod,", "must be like"),
        ("env=prod,env=test", "has the label 'env' twice"),
        (",".join(f"k{number}=v" for number in range(17)), "has 17 labels, and the limit is 16"),
    ],
    ids=["empty", "no value", "no key", "comma", "twice", "many"],
)
def test_what_is_no_selector_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_selector(text)


def test_an_empty_value_is_a_value() -> None:
    assert read_selector("env=") == {"env": ""}
