"""The nesting depth of JSON, measured without parsing."""

import json

from hypothesis import given
from hypothesis import strategies as st

from opsroom_gateway.domain.json_depth import exceeds_depth


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


TREES = st.recursive(
    st.text(alphabet='[]{}"\\a', max_size=6) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)


@given(value=TREES, limit=st.integers(min_value=0, max_value=6))
def test_the_depth_equals_that_of_the_parsed_value(value: object, limit: int) -> None:
    text = json.dumps(value)
    assert exceeds_depth(text, limit) == exceeds_depth(text.encode(), limit) == (depth_of(value) > limit)


def test_pathological_input_is_fast() -> None:
    assert exceeds_depth(b'"\\' * 500_000 + b"[" * 40, 32) is False
    assert exceeds_depth(b"[" * 500_000, 32) is True
