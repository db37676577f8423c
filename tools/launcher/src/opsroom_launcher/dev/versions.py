"""The version in the root's ``pyproject.toml``, and the copies of it in other files.

``.venv/bin/python -m opsroom_launcher.dev.versions 1.2.3`` begins a release: writes the version everywhere,
and moves what is *Unreleased* in ``CHANGELOG.md`` under it. Without an argument it lists copies that differ.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

SOURCE = "pyproject.toml"
_VERSION = r"\d+\.\d+\.\d+"
_OWN_AND_NEEDED = rf'(?:^version = "|"opsroom-[\w-]+(?:\[\w+\])?==)({_VERSION})"'
"""A package's version, and those of our packages that it depends on: always the same release."""
_PLACES: tuple[tuple[str, str], ...] = (
    (SOURCE, rf'^version = "({_VERSION})"'),
    ("packages/*/pyproject.toml", _OWN_AND_NEEDED),
    ("services/*/pyproject.toml", _OWN_AND_NEEDED),
    ("tools/*/pyproject.toml", _OWN_AND_NEEDED),
    ("uv.lock", rf'^name = "opsroom[\w-]*"\nversion = "({_VERSION})"'),
    ("frontend/package.json", rf'^  "version": "({_VERSION})"'),
    ("frontend/package-lock.json", rf'"name": "opsroom[\w-]*",\n +"version": "({_VERSION})"'),
    ("deploy/kubernetes/opsroom/Chart.yaml", rf"^(?:version|appVersion): ({_VERSION})$"),
)
"""Files, and a pattern whose group is the version in them."""
_UNRELEASED = "## [Unreleased]\n"


def version_of(root: Path) -> str:
    """Return the version of the repository at ``root``."""
    return next(_found((root / SOURCE).read_text(encoding="utf-8"), _PLACES[0][1]))


def copies(root: Path) -> dict[str, list[str]]:
    """Return the versions in each file, by its path in the repository; an empty list if it has none."""
    return {
        path.relative_to(root).as_posix(): list(_found(path.read_text(encoding="utf-8"), pattern))
        for path, pattern in _files(root)
    }


def write(root: Path, version: str, day: str) -> None:
    """Write ``version`` everywhere, and release the unreleased changes as of ``day`` (ISO 8601).

    Raises:
        ValueError: it is no version, or nothing is unreleased.
    """
    if not re.fullmatch(_VERSION, version):
        raise ValueError(f"a version is three numbers like 1.2.3, not {version!r}")
    changes = root / "CHANGELOG.md"
    told = changes.read_text(encoding="utf-8")
    if not re.search(re.escape(_UNRELEASED) + r"\n*###", told):
        raise ValueError("CHANGELOG.md has nothing under Unreleased")
    for path, pattern in _files(root):
        text = re.sub(
            pattern,
            lambda found: found[0].replace(found[1], version),
            path.read_text(encoding="utf-8"),
            flags=re.MULTILINE,
        )
        path.write_text(text, encoding="utf-8")
    changes.write_text(
        told.replace(_UNRELEASED, f"{_UNRELEASED}\n## [{version}] - {day}\n", 1), encoding="utf-8"
    )


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    for glob, pattern in _PLACES:
        for path in sorted(root.glob(glob)):
            yield path, pattern


def _found(text: str, pattern: str) -> Iterator[str]:
    return (match[1] for match in re.finditer(pattern, text, re.MULTILINE))


def main(arguments: Sequence[str], root: Path) -> int:
    """Run the command. Returns the exit code: 0, or 1 after printing what is wrong."""
    if not arguments:
        wanted = version_of(root)
        differing = [name for name, found in copies(root).items() if set(found) != {wanted}]
        sys.stdout.write(f"{wanted}\n")
        sys.stderr.writelines(f"{name} has another version\n" for name in differing)
        return 1 if differing else 0
    try:
        write(root, arguments[0], datetime.now(UTC).date().isoformat())
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(
        f"{arguments[0]} is written. Now: ./opsroom docs && ./opsroom test, commit,"
        f" and push the tag v{arguments[0]}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path.cwd()))
