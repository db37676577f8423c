"""The version: one source, and equal copies."""

import shutil
from pathlib import Path

import pytest

from opsroom_launcher.dev.versions import copies, version_of, write

ROOT = Path(__file__).parents[4]
CHANGES = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n"


def test_every_copy_is_the_version() -> None:
    found = copies(ROOT)
    assert len(found) == 17
    assert {name for name, versions in found.items() if set(versions) != {version_of(ROOT)}} == set()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A repository with only the files that contain a version."""
    for name in copies(ROOT):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(CHANGES)
    return tmp_path


def test_a_release_is_written_everywhere_and_its_changes_get_its_name(copy: Path) -> None:
    counted = {name: len(found) for name, found in copies(copy).items()}
    write(copy, "9.8.7", "2030-01-02")
    assert copies(copy) == {name: ["9.8.7"] * count for name, count in counted.items()}
    assert all(counted.values())
    assert (copy / "CHANGELOG.md").read_text() == CHANGES.replace(
        "## [Unreleased]\n", "## [Unreleased]\n\n## [9.8.7] - 2030-01-02\n"
    )


@pytest.mark.parametrize("version", ["", "1.2", "v1.2.3", "1.2.3\n"])
def test_what_is_no_version_changes_nothing(copy: Path, version: str) -> None:
    before = copies(copy)
    with pytest.raises(ValueError, match="three numbers"):
        write(copy, version, "2030-01-02")
    assert copies(copy) == before


def test_a_release_without_changes_is_none(copy: Path) -> None:
    write(copy, "9.8.7", "2030-01-02")
    with pytest.raises(ValueError, match="nothing under Unreleased"):
        write(copy, "9.8.8", "2030-01-02")
