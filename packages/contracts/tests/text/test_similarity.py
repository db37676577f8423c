"""Which names count as the same."""

import pytest
import regex
import unicodedata2
from hypothesis import example, given
from hypothesis import strategies as st

from opsroom_contracts.text import NameIndex, name_forms, names_alike, stored_form
from opsroom_contracts.text.unicode import capital, folded, seen, skeleton
from packages.contracts.tests.text.shared_cases import cases

TEXTS = st.text(max_size=20)
NAMES = st.sampled_from(
    [name for kind in ("same", "alike", "different") for pair in cases(kind) for name in pair]
)


@pytest.mark.parametrize(("one", "other"), [*cases("same"), *cases("alike")])
def test_names_that_look_alike_count_as_the_same(one: str, other: str) -> None:
    assert names_alike(one, other)
    assert names_alike(other, one)


@pytest.mark.parametrize(("one", "other"), cases("different"))
def test_names_that_do_not_look_alike_are_different(one: str, other: str) -> None:
    assert not names_alike(one, other)


@given(TEXTS, TEXTS)
def test_the_comparison_is_reflexive_and_symmetric(one: str, other: str) -> None:
    assert names_alike(one, one)
    assert names_alike(one, other) == names_alike(other, one)


@given(st.lists(NAMES | TEXTS, min_size=3, max_size=3))
def test_equality_of_the_stored_form_is_an_equivalence_that_the_comparison_contains(names: list[str]) -> None:
    one, two, three = names
    if stored_form(one) == stored_form(two):
        assert names_alike(one, two)
        assert (stored_form(two) == stored_form(three)) == (stored_form(one) == stored_form(three))


@given(TEXTS)
@example("x\u0345\u0301")
@example("\u1fbc\u0342")
@example("´a")
def test_forms_are_idempotent(text: str) -> None:
    assert stored_form(stored_form(text)) == stored_form(text)
    assert seen(seen(text)) == seen(text)
    assert skeleton(skeleton(seen(text))) == skeleton(seen(text))
    assert folded(folded(text)) == folded(text)


@given(TEXTS)
@example("\u1fb7")
def test_names_that_differ_in_case_or_composition_count_as_the_same(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert stored_form(unicodedata2.normalize(form, text)) == stored_form(text)
    assert stored_form(folded(text)) == stored_form(text)


def test_upper_and_lower_case_of_every_character_count_as_the_same() -> None:
    dotless = "\u0131"  # a different letter from i, although its upper case is I
    for char in map(chr, range(0x110000)):
        if char == char.upper() == char.casefold() == char.lower() or char == dotless:
            continue
        form = stored_form(char)
        assert {stored_form(form), stored_form(char.upper()), stored_form(char.lower())} == {form}, hex(
            ord(char)
        )


@given(TEXTS, st.sampled_from(["\u200b", "\u2060", "\ufe0f", "\u00ad", "\U000e0041"]), st.integers(0, 20))
def test_invisible_characters_change_no_form(text: str, invisible: str, at: int) -> None:
    assert name_forms(text[:at] + invisible + text[at:]) == name_forms(seen(text)) or text != seen(text)


@given(st.integers(0, 2000))
def test_a_long_text_is_like_no_name_and_costs_one_pass(length: int) -> None:
    forms = name_forms("m" * length)
    assert sum(map(len, forms)) <= max(4 * 2 * 256, length)


def test_the_libraries_have_the_same_version_of_unicode() -> None:
    every = "".join(map(chr, range(0x110000)))
    unassigned = (char for char in every if unicodedata2.category(char) == "Cn")
    assert "".join(regex.findall(r"\p{Cn}+", every)) == "".join(unassigned)


def test_case_mapping_agrees_with_the_interpreter_for_the_characters_that_it_knows() -> None:
    for char in map(chr, range(0x110000)):
        if char != char.casefold():
            assert folded(char) == char.casefold()
        if char != char.upper():
            assert capital(char) == char.upper()


def test_an_index_finds_values_by_every_name_that_looks_alike() -> None:
    index: NameIndex[str] = NameIndex()
    index.add("ADMIN", "1")
    index.add("admin", "2")
    index.add("Ann", "3")
    assert index.find("ꓮꓓꓟꓲꓠ") == ("1", "2")
    index.add("admin", "1")
    assert index.find("Admin") == ("2", "1")
    index.discard("admin", "1")
    index.discard("ADMIN", "1")
    assert index.find("ꓮꓓꓟꓲꓠ") == ("2",)
    index.discard("Admin", "2")
    index.discard("nobody", "2")
    assert index.find("admin") == ()
    assert index.find("ann") == ("3",)
