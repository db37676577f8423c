"""Who is mentioned by a text."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_chat.domain.mentions import Mentioned, mentioned
from opsroom_contracts.chat.models import MENTIONED_MAX

PEOPLE = {"ann": "1", "Ann Smith": "2", "bob.builder": "3", "Ёлка": "4"}


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ("@ann, look", ("1",)),
        ("@Ann Smith is here, @ann too", ("2", "1")),
        ("(@bob.builder.) **@ann**", ("3", "1")),
        ("@Ёлка!", ("4",)),
        ("@ann @ann", ("1",)),
        ("@annex", ()),
        ("mail ann@ann or a@ann", ()),
        ("`@ann` and\n```\n@ann\n```", ()),
        ("@ann said `@bob.builder`", ("1",)),
        ("@nobody", ()),
        ("@", ()),
        ("@@ann", ()),
    ],
)
def test_people_are_mentioned_by_their_names(text: str, users: tuple[str, ...]) -> None:
    assert mentioned(text, PEOPLE.get) == Mentioned(users)


def test_everybody_and_those_who_are_here() -> None:
    assert mentioned("@room: dinner", PEOPLE.get) == Mentioned(everybody=True)
    assert mentioned("@here and @ann", PEOPLE.get) == Mentioned(("1",), here=True)
    assert mentioned("@roommate", PEOPLE.get) == Mentioned()


@given(st.text(alphabet="@an bo`.\n", max_size=400))
def test_any_text_is_read(text: str) -> None:
    assert set(mentioned(text, PEOPLE.get).users) <= {"1", "3"}


def test_many_mentions_are_bounded() -> None:
    calls: list[str] = []

    def find(name: str) -> str | None:
        calls.append(name)
        return None

    started = perf_counter()
    for text in ("@a " * 1300, "`" * 4000, "@" * 4000, "@a`" * 1300, "```" + "@a " * 1000):
        mentioned(text, find)
    assert perf_counter() - started < 5
    assert len(calls) < 5 * 20 * 6
    assert len(mentioned(" ".join(f"@n{n}" for n in range(300)), lambda name: name).users) <= MENTIONED_MAX
