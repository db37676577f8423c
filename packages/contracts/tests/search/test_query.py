"""The language of search queries: what isn't a filter is a word, and no text is slow or breaks anything."""

from datetime import UTC, datetime
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from opsroom_contracts.errors import FaultError
from opsroom_contracts.search.query import (
    FILTERS_MAX,
    QUERY_MAX,
    WORDS_MAX,
    Has,
    Phrase,
    SearchQuery,
    parse_moment,
    parse_query,
)
from opsroom_contracts.search.words import WORD_MAX, fold, word_spans, words_of


def test_words_phrases_and_filters() -> None:
    query = parse_query('Deploy «Новый Сервер» in:general FROM:"Ann Lee" has:link web-1 foo:bar ')
    assert query == SearchQuery(
        phrases=(
            Phrase(("deploy",)),
            Phrase(("новый", "сервер")),
            Phrase(("web", "1")),
            Phrase(("foo", "bar")),
        ),
        rooms=("general",),
        authors=("Ann Lee",),
        has=frozenset({Has.LINK}),
    )


def test_the_last_word_may_be_the_beginning_of_one() -> None:
    assert parse_query("one tw").phrases == (Phrase(("one",)), Phrase(("tw",), is_prefix=True))
    assert parse_query("one two ").phrases[1] == Phrase(("two",))
    assert parse_query("on* two ").phrases[0] == Phrase(("on",), is_prefix=True)
    assert parse_query('"on tw').phrases == (Phrase(("on", "tw")),), "a quote that isn't closed"


def test_times_are_days_or_have_a_zone() -> None:
    query = parse_query("after:2026-11-01 before:2026-11-30T03:00:00+03:00 after:2026-11-02")
    assert (query.after, query.before) == (
        datetime(2026, 11, 2, tzinfo=UTC),
        datetime(2026, 11, 30, tzinfo=UTC),
    )
    assert parse_moment("before", "2026-11-30") == datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("x" * (QUERY_MAX + 1), "q"),
        ("x " * (WORDS_MAX + 1), "q"),
        ("1." * (WORDS_MAX + 1), "q"),
        ("before:yesterday", "before"),
        ("after:2026-13-01", "after"),
        ("after:20261101", "after"),
        ("after:2026-W01", "after"),
        ("before:2026-11-30T10:00:00", "before"),
        ("before:0001-01-01T00:00:00+14:00", "before"),
        ("has:bug", "has"),
        ('in:""', "in"),
        ("in:a " * (FILTERS_MAX + 1), "in"),
        ("from:a " * (FILTERS_MAX + 1), "from"),
    ],
)
def test_errors_name_the_field(text: str, field: str) -> None:
    with pytest.raises(FaultError) as refused:
        parse_query(text)
    assert refused.value.fault.field == field
    assert refused.value.fault.message.startswith(f"{field}: ")


def test_parameters_narrow_the_query() -> None:
    query = parse_query("x in:a after:2026-01-01").narrowed(
        room="b",
        author="ann",
        after=datetime(2025, 1, 1, tzinfo=UTC),
        before=datetime(2027, 1, 1, tzinfo=UTC),
    )
    assert (query.rooms, query.authors) == (("a", "b"), ("ann",))
    assert (query.after, query.before) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert parse_query(" -- 👍 ").is_empty


PIECES = ["in:", "from:", "has:", "before:", "after:", '"', "«", "*", " ", ":", "NEAR(", "AND", "NOT", "^"]
SYNTAX = st.lists(st.sampled_from(PIECES) | st.text(max_size=6)).map("".join)


@given(SYNTAX)
@example('in:"')
@example('"')
@example("in:in:in:")
def test_every_text_is_a_query_or_has_a_named_fault(text: str) -> None:
    fields: list[str | None] = []
    query = SearchQuery()
    try:
        query = parse_query(text)
    except FaultError as error:
        fields = [error.fault.field]
    assert set(fields) <= {"q", "in", "from", "before", "after", "has"}
    for phrase in query.phrases:
        for word in phrase.words:
            assert word.isalnum()
            assert word == fold(word)
            assert len(word) <= WORD_MAX


@given(st.lists(st.from_regex(r"[a-zа-яё0-9]{1,10}", fullmatch=True), min_size=1, max_size=WORDS_MAX))
def test_what_is_no_filter_is_a_word(words: list[str]) -> None:
    query = parse_query(" ".join(words) + " ")
    assert [phrase.words for phrase in query.phrases] == [tuple(words_of(word)) for word in words]


@given(st.text())
def test_words_are_parts_of_the_text_in_its_order(text: str) -> None:
    end = 0
    for start, stop in word_spans(text):
        assert end <= start < stop <= len(text)
        end = stop


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ёлка", "елка"), ("CAFÉ", "cafe"), ("и\u0301мя", "имя"), ("Straße", "STRASSE"), ("й", "и\u0306")],
)
def test_case_accents_and_yo_make_no_difference(one: str, other: str) -> None:
    assert list(words_of(one)) == list(words_of(other))


def test_short_i_is_another_letter() -> None:
    assert fold("й") != fold("и")


@pytest.mark.parametrize("unit", ['"', "in:", 'in:"', "a\u0301", "\u0301", "*", "«", "a.", "漢"])
def test_long_texts_take_linear_time(unit: str) -> None:
    text = unit * 200_000
    started = process_time()
    for _ in word_spans(text):
        pass
    assert process_time() - started < 10, "quadratic time would take minutes"
