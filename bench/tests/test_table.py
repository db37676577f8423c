"""Tables of results."""

import pytest

from bench.results.table import Table


def test_two_columns_cannot_have_the_same_header() -> None:
    with pytest.raises(ValueError, match="same header"):
        Table("a title", ("what", "p99", "p99"), [])


def test_the_data_has_each_figure_by_its_header() -> None:
    table = Table("a title", ("what", "p50 ms", "p99 ms"), [("one", 1.25, 2)])
    assert table.data()["rows"] == [{"what": "one", "p50 ms": 1.25, "p99 ms": 2}]
