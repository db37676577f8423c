"""Names, truncation and safe output."""

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from opsroom_contracts.text import (
    NAME_MAX,
    NameRuleError,
    clean_name,
    clip,
    fold_name,
    visible,
    visible_name,
)

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


@given(LIKELY_NAMES)
def test_a_cleaned_name_follows_every_rule(raw: str) -> None:
    name = cleaned(raw)
    assert 1 <= len(name) <= NAME_MAX
    assert name == name.strip()
    assert name == unicodedata.normalize("NFKC", name)
    assert not {unicodedata.category(char) for char in name} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


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


@given(st.text(max_size=20))
@example("x\u0345\u0301")
@example("\u1fbc\u0342")
def test_folding_is_idempotent(text: str) -> None:
    assert fold_name(fold_name(text)) == fold_name(text)


@given(st.text(max_size=20))
@example("\u1fb7")
def test_names_that_differ_in_case_or_composition_fold_to_the_same(text: str) -> None:
    folded = fold_name(text)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert fold_name(unicodedata.normalize(form, text)) == folded
    assert fold_name(text.casefold()) == folded


def test_upper_and_lower_case_of_every_character_fold_to_the_same() -> None:
    dotless = "\u0131"  # a different letter from i, although its upper case is I
    for code in range(0x110000):
        char = chr(code)
        if unicodedata.category(char) in {"Cs", "Cn", "Co"} or char == dotless:
            continue
        folded = fold_name(char)
        assert {fold_name(folded), fold_name(char.upper()), fold_name(char.lower())} == {folded}, hex(code)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ann", "ANN"), ("Straße", "STRASSE"), ("Ａｎｎ", "ann"), ("é", "e\u0301"), ("ſ", "S"), ("Σ", "ς")],
)
def test_equivalent_spellings_are_the_same_name(one: str, other: str) -> None:
    assert fold_name(clean_name(one)) == fold_name(clean_name(other))


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


@pytest.mark.parametrize(
    ("one", "other"),
    [("аѕе", "ase"), ("РОТ", "POT"), ("сор", "cop"), ("Сара", "Capa")],
)
def test_names_that_look_alike_in_two_scripts_are_the_same_name(one: str, other: str) -> None:
    assert fold_name(one) == fold_name(other)
    assert fold_name(one.lower()) == fold_name(one)


def test_names_that_do_not_look_alike_are_different() -> None:
    names = ["вася", "vasya", "иван", "ivan", "саша", "caшa2", "маша", "masha", "ольга", "дима"]
    assert len({fold_name(name) for name in names}) == len(names)


@pytest.mark.parametrize(("first", "last"), IGNORABLE)
def test_invisible_characters_are_rejected(first: int, last: int) -> None:
    for code in range(first, last + 1):
        with pytest.raises(NameRuleError, match=f"U\\+({code:04X}|1160|115F)"):
            clean_name(f"a{chr(code)}b")


@pytest.mark.parametrize(
    "bad", ["a\x00b", "a\x1bb", "a\x7fb", "a\u202eb", "a\u200db", "a\nb", "a\u2028b", "a\ud800b"]
)
def test_the_error_names_the_forbidden_character(bad: str) -> None:
    with pytest.raises(NameRuleError, match=rf"U\+{ord(bad[1]):04X}"):
        clean_name(bad)


@pytest.mark.parametrize("empty", ["", " ", "\t\n", "\u3000", "\u0301"])
def test_a_name_without_visible_characters_is_rejected(empty: str) -> None:
    with pytest.raises(NameRuleError, match=r"empty|visible"):
        clean_name(empty)


def test_the_limit_counts_characters_after_normalization() -> None:
    assert clean_name("  " + "n" * NAME_MAX + "  ") == "n" * NAME_MAX
    assert len(clean_name("e\u0301" * NAME_MAX)) == NAME_MAX
    with pytest.raises(NameRuleError, match="has 33 characters, the limit is 32"):
        clean_name("n" * (NAME_MAX + 1))
    with pytest.raises(NameRuleError, match="the limit is 32"):
        clean_name("\ufdfa" * 2)  # NFKC expands this character to 18


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünïcode 🙂", "plain, ünïcode 🙂"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[2J\x9b1m\x07", "\\x1b[2J\\x9b1m\\x07"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\u2028\ud800", "\\u2028\\ud800"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_visible_text_is_one_line_without_control_characters(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_clip_truncates_to_the_limit() -> None:
    assert clip("abc", 2) == "ab"
    assert clip("abc", 3) == clip("abc", 64) == "abc"


@pytest.mark.parametrize("raw", ["the  admin", " the\u00a0 admin", "the \u2003 admin"])
def test_repeated_spaces_of_a_name_are_one(raw: str) -> None:
    """A page shows them as one, so the names look alike."""
    assert clean_name(raw) == "the admin"


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("Ann Lee", "Ann Lee"),
        ("A\u200bnn\u2060 \u202e Lee\ufe0f", "Ann Lee"),
        ("\uff21nn\tLee\n", "Ann Lee"),
        ("\u200b\u3164", ""),
        ("x" * 40, "x" * 40),
    ],
)
def test_a_visible_name_is_what_a_reader_sees(raw: str, seen: str) -> None:
    assert visible_name(raw) == seen
