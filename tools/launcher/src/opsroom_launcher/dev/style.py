"""Check how documents, docstrings and comments are written: ``python -m opsroom_launcher.dev.style``.

The rules and the words to avoid are those of ``CONTRIBUTING.md``, which is read for them.
"""

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARKDOWN_WIDTH = 120
SUBJECT_WIDTH = 72
_RULES = Path("CONTRIBUTING.md")
_TABLE = "| instead of | write |"
_ROW = re.compile(r"^\| (?P<words>`[^|]*) \|")
_WORD = re.compile(r"`([^`]+)`")
_CODE_SPAN = re.compile(r"``[^`]*``|`[^`]*`")
_UNBREAKABLE = re.compile(r"\S{60,}|\]\(|^\[!")
_BEFORE_DOCSTRING = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
_GENERATED = ("docs/reference/", "frontend/src/contract/")


@dataclass(frozen=True, slots=True)
class Violation:
    """Where a rule is broken, and which."""

    path: str
    line: int
    text: str


def avoided_words(rules: str) -> tuple[str, ...]:
    """The words that the table of ``CONTRIBUTING.md`` lists.

    Raises:
        ValueError: there is no such table.
    """
    _, _, table = rules.partition(_TABLE)
    rows = (_ROW.match(line) for line in table.splitlines())
    words = tuple(word for row in rows if row is not None for word in _WORD.findall(row["words"]))
    if not words:
        raise ValueError(f"{_RULES}: the table of words to avoid is missing")
    return words


def check_markdown(path: str, text: str, avoided: re.Pattern[str]) -> Iterator[Violation]:
    """Lines that are too long, and words to avoid. Code blocks are skipped, table rows may be long."""
    fenced = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            continue
        if fenced:
            continue
        is_table = line.lstrip().startswith("|")
        if len(line) > MARKDOWN_WIDTH and not is_table and not _UNBREAKABLE.search(line):
            yield Violation(path, number, f"{len(line)} characters; the limit is {MARKDOWN_WIDTH}")
        if not (path == str(_RULES) and is_table):
            yield from _words(path, number, _CODE_SPAN.sub("", line), avoided)


def check_python(path: str, source: str, avoided: re.Pattern[str]) -> Iterator[Violation]:
    """Words to avoid in docstrings and comments."""
    previous = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        is_docstring = token.type == tokenize.STRING and previous in _BEFORE_DOCSTRING
        if token.type == tokenize.COMMENT or is_docstring:
            for offset, line in enumerate(token.string.splitlines()):
                yield from _words(path, token.start[0] + offset, _CODE_SPAN.sub("", line), avoided)
        if token.type not in {tokenize.COMMENT, tokenize.NL}:
            previous = token.type


def check_subject(subject: str) -> Iterator[Violation]:
    """The subject of a commit that is too long."""
    if len(subject) > SUBJECT_WIDTH:
        text = f"{len(subject)} characters; the limit is {SUBJECT_WIDTH}"
        yield Violation("the last commit's subject", 1, text)


def violations(root: Path) -> Iterator[Violation]:
    """All of the repository at ``root``.

    Raises:
        ValueError: the rules can't be read.
    """
    words = avoided_words((root / _RULES).read_text(encoding="utf-8"))
    avoided = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)
    for path in _tracked(root):
        if path.startswith(_GENERATED):
            continue
        text = (root / path).read_text(encoding="utf-8")
        check = check_markdown if path.endswith(".md") else check_python
        yield from check(path, text, avoided)
    yield from check_subject(_git(root, "log", "-1", "--no-merges", "--format=%s").strip())


def _words(path: str, number: int, line: str, avoided: re.Pattern[str]) -> Iterator[Violation]:
    for match in avoided.finditer(line):
        yield Violation(path, number, f"avoid {match.group()!r} (see {_RULES})")


def _tracked(root: Path) -> list[str]:
    names = _git(root, "ls-files", "-z", "--", "*.md", "*.py").split("\0")
    return [name for name in names if name and (root / name).is_file()]


def _git(root: Path, *arguments: str) -> str:
    """The output of git; empty if this is no git checkout."""
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def main(root: Path) -> int:
    """Print each violation; returns the exit code."""
    found = list(violations(root))
    for one in found:
        print(f"{one.path}:{one.line}: {one.text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
