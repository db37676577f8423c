"""Which names are allowed, and what is kept of them."""

import unicodedata

import pytest
import unicodedata2
from hypothesis import assume, example, given
from hypothesis import strategies as st

from opsroom_contracts.text import (
    NAME_MAX,
    NameRuleError,
    clean_name,
    is_blank,
    name_forms,
    names_alike,
    stored_form,
)
from packages.contracts.tests.text.shared_cases import cases

ANY_TEXT = st.text(max_size=40)
LIKELY_NAMES = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=24)
# Unicode's Default_Ignorable_Code_Point: invisible characters.
IGNORABLE = [
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
]  # fmt: skip


def cleaned(raw: str) -> str:
    try:
        return clean_name(raw)
    except NameRuleError:
        assume(False)
        raise


@pytest.mark.parametrize("case", cases("names"), ids=lambda case: ascii(case["typed"]))
def test_a_name_is_kept_as_typed_or_refused_with_the_reason(case: dict[str, str]) -> None:
    if "kept" in case:
        assert clean_name(case["typed"]) == case["kept"]
    else:
        with pytest.raises(NameRuleError, match=case["problem"]):
            clean_name(case["typed"])


@given(LIKELY_NAMES)
def test_a_cleaned_name_follows_every_rule(raw: str) -> None:
    name = cleaned(raw)
    assert 1 <= len(name) <= NAME_MAX
    assert name == " ".join(name.split())
    assert name == unicodedata2.normalize("NFC", name)
    assert not {unicodedata2.category(char) for char in name} & {"Cc", "Cs", "Zl", "Zp", "Cn", "Co"}
    assert not is_blank(name)


@given(LIKELY_NAMES)
@example("´a")
def test_cleaning_is_idempotent(raw: str) -> None:
    name = cleaned(raw)
    assert clean_name(name) == name


@given(LIKELY_NAMES, st.sampled_from(["", " ", "\t", "\u3000", "\n ", "\u00a0"]))
def test_surrounding_whitespace_is_removed(raw: str, space: str) -> None:
    name = cleaned(raw)
    assert clean_name(space + name + space) == name


@given(ANY_TEXT)
def test_any_text_is_accepted_or_rejected_with_a_reason(raw: str) -> None:
    try:
        outcome = clean_name(raw)
    except NameRuleError as refused:
        outcome = str(refused)
    assert outcome


@pytest.mark.parametrize(
    "name", ["\u0430dmin", "adm\u0456n", "\u0410lice", "p\u0430ypal", "ro\u03bft", "x-\u0430dmin", "Вaся"]
)
def test_a_word_that_mixes_scripts_is_rejected(name: str) -> None:
    with pytest.raises(
        NameRuleError,
        match=r"must not mix (Cyrillic and|Greek and|Cyrillic|Greek|Latin).* letters in one word",
    ):
        clean_name(name)


@pytest.mark.parametrize(
    "name",
    ["Вася", "Вася Smith", "Ёлка-QA", "Саша (DevOps)", "Αθήνα", "田中さん", "한글", "naïve", "x86", "Łukasz"],
)
def test_ordinary_names_are_accepted(name: str) -> None:
    assert clean_name(name) == name


@pytest.mark.parametrize(("first", "last"), IGNORABLE)
def test_invisible_characters_are_rejected(first: int, last: int) -> None:
    for code in range(first, last + 1):
        with pytest.raises(NameRuleError, match=f"U\\+{code:04X}"):
            clean_name(f"a{chr(code)}b")


@pytest.mark.parametrize(
    "bad", ["a\x00b", "a\x1bb", "a\x7fb", "a\u202eb", "a\u200db", "a\nb", "a\u2028b", "a\ud800b"]
)
def test_the_error_names_the_forbidden_character(bad: str) -> None:
    with pytest.raises(NameRuleError, match=rf"U\+{ord(bad[1]):04X}"):
        clean_name(bad)


def test_the_limit_counts_the_characters_that_are_kept() -> None:
    assert clean_name("  " + "n" * NAME_MAX + "  ") == "n" * NAME_MAX
    assert clean_name("n" * 16 + " " * 40 + "n" * 15) == "n" * 16 + " " + "n" * 15
    with pytest.raises(NameRuleError, match="has 33 characters, the limit is 32"):
        clean_name("n" * (NAME_MAX + 1))


def test_the_rules_do_not_depend_on_the_unicode_version_of_the_python() -> None:
    """Every assigned character of the library is accepted or refused for its kind, never as unassigned."""
    newer = [
        char
        for char in map(chr, range(0x110000))
        if unicodedata.category(char) == "Cn" and unicodedata2.category(char) not in {"Cn", "Co"}
    ]
    hidden = {"Cf", "Mn", "Me", "Mc"}
    shown = [char for char in newer if unicodedata2.category(char) not in hidden and not is_blank(char)]
    assert all(clean_name(f"x {char}") for char in shown)


@pytest.mark.parametrize("char", ["\ufffc", "\U00013441", "\U0001d159", "\u2800", "\U00013430"])
def test_a_character_that_draws_nothing_makes_no_other_name(char: str) -> None:
    assert names_alike(f"Ann{char}", "Ann")


def test_the_stored_form_of_a_name_stays_as_it_was() -> None:
    """Members of earlier releases have such names, and digests of these forms are stored."""
    assert stored_form("Ann\ufffc") == "ann\ufffc"
    assert stored_form("Ann\U00013441") == "ann\U00013441"
    assert stored_form("An\u200bn\u2800\U00013430") == "ann"
    assert name_forms("Ann\ufffc")[0] == "ann\ufffc"
