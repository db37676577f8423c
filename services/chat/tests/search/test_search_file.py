"""The file of the search index alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opsroom_chat.search.database import SearchState
from opsroom_chat.search.highlights import highlights
from opsroom_chat.search.lookup import Lookup
from opsroom_chat.search.search_file import Document, Gone, SearchFile
from opsroom_chat.search.terms import Stems, author_key, has_tag, words_expression
from opsroom_contracts.search.query import Has, parse_query

STEMS = Stems()
START = datetime(2026, 1, 1, tzinfo=UTC)


def document(
    place: int, text: str, room: str = "general", name: str = "Ann", seq: int | None = None
) -> Document:
    has = [Has.LINK] if "https:" in text else []
    return Document(
        place=place,
        seq=place if seq is None else seq,
        room=room,
        is_public=not room.startswith("r-"),
        author=(f"id-{name}", author_key(name)),
        sent=START + timedelta(hours=place),
        words=" ".join([*map(has_tag, has), STEMS.text(text)]),
    )


def state(seq: int) -> SearchState:
    return SearchState(epoch="e", seq=seq, stored_ns=1)


def found(file: SearchFile, query: str, rooms: tuple[str, ...] = (), **more: object) -> list[int]:
    fields = {"is_public": True, **more}
    lookup = Lookup(words_expression(parse_query(query), STEMS), rooms, **fields)  # type: ignore[arg-type]
    return [place.place for place in file.find(lookup, 5)]


@pytest.fixture
def file(tmp_path: Path) -> SearchFile:
    return SearchFile.open(tmp_path)


TEXTS = {
    1: "Перезапустили серверы, всё хорошо",
    2: "The server was restarted twice",
    3: "Ещё один сервер: https://example.org/x",
    4: "restart the servers now",
}


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("сервер ", [3, 1]),
        ("servers ", [4, 2]),
        ("restarting ", [4, 2]),
        ("еще ", [3]),
        ("ЕЩЁ ", [3]),
        ("перезап", [1]),
        ("restar", [4, 2]),
        ('"the server"', [4, 2]),
        ('"server the"', []),
        ("has:link ", [3]),
        ("server restart now ", [4]),
        ("p ", []),
        ("r1 ", []),
        ("¤p ", []),
    ],
)
def test_words_are_found_by_their_stems_and_beginnings(file: SearchFile, query: str, hits: list[int]) -> None:
    file.write([document(place, text) for place, text in TEXTS.items()], state(4))
    assert found(file, query) == hits
    file.close()


def test_rooms_authors_and_times_are_filters(file: SearchFile) -> None:
    file.write(
        [
            document(10, "same", room="general", name="Ann"),
            document(20, "same", room="r-1", name="Bob"),
            document(30, "same", room="ops", name="Ann"),
            document(40, "same", room="r-2", name="ann"),
        ],
        state(40),
    )
    assert found(file, "same ") == [30, 10], "rooms with members only for their members"
    assert found(file, "same ", ("r-2",)) == [40, 30, 10]
    assert found(file, "same ", ("ops",), is_public=False) == [30]
    assert found(file, "same ", ("r-9",), is_public=False) == []
    assert found(file, "same ", (), is_public=False) == []
    assert found(file, "same ", ("r-1", "r-2"), authors=("ann",)) == [40, 30, 10]
    assert found(file, "same ", ("r-1", "r-2"), authors=("id-Bob",)) == [20]
    assert found(file, "same ", authors=("nobody",)) == []
    assert found(file, "same ", after=START + timedelta(hours=25)) == [30]
    assert found(file, "same ", until=START + timedelta(hours=15)) == [10]
    assert found(file, "same ", after=START + timedelta(days=9)) == []
    assert found(file, "same ", before=30, limit=1) == [10]
    file.close()


def test_edits_and_removals_replace_what_was_there(file: SearchFile) -> None:
    file.write([document(1, "secret plan"), document(2, "other")], state(2))
    file.write([document(1, "harmless", seq=3)], state(3))
    assert (found(file, "secret "), found(file, "harmless ")) == ([], [1])
    [place] = file.find(Lookup(['"harmless"'], (), is_public=True), 5)
    assert (place.place, place.seq) == (1, 3)
    file.write([Gone(1)], state(4))
    assert found(file, "harmless ") == []
    file.write([Gone(2)], state(5))
    assert found(file, "other ") == []
    file.close()


def test_words_of_removed_messages_leave_the_file(tmp_path: Path) -> None:
    file = SearchFile.open(tmp_path)
    file.write([document(place, f"word{place}") for place in range(1, 200)], state(199))
    file.write([document(200, "zebra"), document(201, "quagga")], state(201))
    file.write([Gone(200), document(201, "donkey", seq=203)], state(203))
    assert _words_on_disk(tmp_path, b"zebra", b"quagga", b"donkey") == [True] * 3, "until it is compacted"
    is_first = True
    while file.compact(16, is_first=is_first):
        is_first = False
    file.save(state(203))
    assert _words_on_disk(tmp_path, b"zebra", b"quagga", b"donkey") == [False, False, True]
    assert (found(file, "donkey "), found(file, "word7 ")) == ([201], [7])
    file.close()


def _words_on_disk(folder: Path, *words: bytes) -> list[bool]:
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    return [word in content for word in words]


def test_the_state_is_kept_and_a_file_has_one_owner(tmp_path: Path) -> None:
    first, second = SearchFile.open(tmp_path), SearchFile.open(tmp_path)
    first.write([document(1, "one")], state(1))
    second.write([document(1, "two")], state(5))
    first.close()
    again = SearchFile.open(tmp_path)
    assert again.saved == state(1)
    assert found(again, "one ") == [1]
    again.close()
    second.close()


@pytest.mark.parametrize("content", [b"no database", b""])
def test_a_file_that_is_none_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "search-0.sqlite").write_bytes(content)
    file = SearchFile.open(tmp_path)
    assert file.saved is None
    file.write([document(1, "one")], state(1))
    assert found(file, "one ") == [1]
    file = file.replaced()
    assert (file.saved, found(file, "one ")) == (None, [])
    file.close()


def test_without_a_folder_the_file_is_temporary(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    for folder in (None, blocked):
        file = SearchFile.open(folder)
        file.write([document(1, "one")], state(1))
        assert found(file, "one ") == [1]
        path = file.path
        file.close()
        assert not path.exists()


def test_dropped_messages_are_trimmed_in_steps(file: SearchFile) -> None:
    file.write([document(place, "same") for place in range(1, 11)], state(10))
    assert file.trim(6, 3)
    assert not file.trim(6, 3)
    assert found(file, "same ") == [10, 9, 8, 7, 6]
    file.close()


WORDS = st.sampled_from(["server", "servers", "restart", "restarted", "сервер", "серверы", "ещё", "web", "1"])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(WORDS, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=6),
    st.lists(WORDS, min_size=1, max_size=3),
    st.booleans(),
)
def test_the_index_and_the_highlights_agree(texts: list[str], words: list[str], is_phrase: bool) -> None:
    """What the index finds has highlights, and the other way around."""
    query = f'"{" ".join(words)}"' if is_phrase else " ".join(words)
    file = SearchFile.open(None)
    try:
        file.write([document(place, text) for place, text in enumerate(texts, 1)], state(9))
        expected = [
            place
            for place, text in enumerate(texts, 1)
            if highlights(text, parse_query(query).phrases, STEMS) is not None
        ]
        assert found(file, query) == expected[::-1]
    finally:
        file.close()


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=200), st.text(max_size=12))
@example("a", 'NEAR("a" b, 5)')
@example("a", "words: a*")
@example("a", "^a OR b")
def test_no_query_is_syntax(text: str, typed: str) -> None:
    file = SearchFile.open(None)
    try:
        file.write([document(1, text)], state(1))
        query = parse_query('"' + typed.replace('"', " "))
        hits = file.find(Lookup(words_expression(query, STEMS), (), is_public=True), 5)
        assert bool(hits) == (highlights(text, query.phrases, STEMS) is not None)
    finally:
        file.close()
