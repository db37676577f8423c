"""When the page has to be built."""

import os
from pathlib import Path

import pytest

from opsroom_launcher.install import frontend


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A frontend that was installed, then built."""
    folder = tmp_path / frontend.FOLDER
    for name in (
        "package.json",
        "package-lock.json",
        "src/main.ts",
        "node_modules/.package-lock.json",
        "dist/index.html",
    ):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    for age, name in enumerate(
        ("dist/index.html", "src/main.ts", "node_modules/.package-lock.json", "package-lock.json")
    ):
        os.utime(folder / name, (1_000_000 - age, 1_000_000 - age))
    return tmp_path


def test_a_page_newer_than_all_that_it_is_made_of_is_current(repository: Path) -> None:
    assert frontend.page_is_current(repository)


@pytest.mark.parametrize("changed", ["src/main.ts", "package-lock.json"])
def test_a_page_older_than_a_source_is_not(repository: Path, changed: str) -> None:
    (repository / frontend.FOLDER / changed).touch()
    assert not frontend.page_is_current(repository)


def test_no_page_is_not_current(repository: Path) -> None:
    (repository / frontend.FOLDER / "dist" / "index.html").unlink()
    assert not frontend.page_is_current(repository)


def test_what_is_installed_is_not_installed_again(repository: Path) -> None:
    assert frontend.build_steps(repository) == [("npm", "run", "build")]
    (repository / frontend.FOLDER / "package-lock.json").touch()
    assert [step[1] for step in frontend.build_steps(repository)] == ["ci", "run"]
