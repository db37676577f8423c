"""What the style check finds, and what it leaves alone."""

import re
import subprocess
from pathlib import Path

import pytest

from opsroom_launcher.dev.style import (
    MARKDOWN_WIDTH,
    avoided_words,
    check_markdown,
    check_python,
    check_subject,
    main,
)

ROOT = Path(__file__).parents[4]
RULES = "| instead of | write |\n|---|---|\n| `lest`, `so many` (of code) | so that |\n"
AVOIDED = re.compile(r"\b(?:lest|so many)\b", re.IGNORECASE)


def test_the_words_are_those_of_the_contributing_guide() -> None:
    assert avoided_words("| `tests` | a folder |\n\n" + RULES) == ("lest", "so many")
    assert len(avoided_words((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))) > 20
    with pytest.raises(ValueError, match="the table of words to avoid is missing"):
        avoided_words("# Contributing\n")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Lest it fails.", [1]),
        ("There are so many.\n\nThe rest, lest.", [1, 3]),
        ("The word `lest`, and the celestial.", []),
        ("```\nlest\n```\nLest", [4]),
        ("x " * 61, [1]),
        ("| " + "x " * 61 + "|", []),
        ("see https://" + "x" * MARKDOWN_WIDTH, []),
    ],
)
def test_markdown_is_checked_outside_of_code(text: str, lines: list[int]) -> None:
    assert [one.line for one in check_markdown("a.md", text, AVOIDED)] == lines


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('"""Lest it fails."""\n', [1]),
        ('def f() -> None:\n    """One.\n\n    So many.\n    """\n', [4]),
        ("x = 1  # lest\n", [1]),
        ('x = "lest"\n', []),
        ('f("lest",\n  "so many")\n', []),
        ('"""The value ``lest``."""\n', []),
    ],
)
def test_docstrings_and_comments_are_checked_and_strings_are_not(source: str, lines: list[int]) -> None:
    assert [one.line for one in check_python("a.py", source, AVOIDED)] == lines


def test_a_long_commit_subject_is_a_violation() -> None:
    assert [one.text for one in check_subject("x" * 73)] == ["73 characters; the limit is 72"]
    assert list(check_subject("x" * 72)) == []


def test_violations_are_printed_with_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "CONTRIBUTING.md").write_text(RULES)
    (tmp_path / "a.md").write_text("Fine.\nLest.\n")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True, timeout=30)
    subprocess.run(["git", "-C", str(tmp_path), "add", "."], check=True, timeout=30)
    assert main(tmp_path) == 1
    assert capsys.readouterr().out == "a.md:2: avoid 'Lest' (see CONTRIBUTING.md)\n"
    (tmp_path / "a.md").write_text("Fine.\n")
    assert main(tmp_path) == 0
