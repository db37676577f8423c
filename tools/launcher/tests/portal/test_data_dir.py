"""The data folder: created, locked, rejected, and deleted if temporary."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.portal.data_dir import persistent_dir, temporary_dir


def refusal(path: Path) -> str:
    """Return the error message for ``path``."""
    with pytest.raises(RefusedError) as refused, persistent_dir(path):
        pass
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    return str(refused.value)


def test_folder_is_made_with_its_parents_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    with persistent_dir(path) as folder:
        assert (folder.path, folder.kept) == (path, True)
        (path / "kept").touch()
    with persistent_dir(path):
        assert (path / "kept").exists()


def test_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "is not a folder" in refusal(tmp_path / "file")
    assert "can't be written: not a directory" in refusal(tmp_path / "file" / "below")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is what even root can't write")
def test_unwritable_folder_is_refused() -> None:
    assert "can't be written" in refusal(Path("/proc/opsroom"))
    assert "can't be written" in refusal(Path("/proc"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "can't be written: permission denied" in refusal(tmp_path)


def test_folder_in_use_is_refused_until_it_is_free(tmp_path: Path) -> None:
    with persistent_dir(tmp_path):
        assert "is in use by another opsroom" in refusal(tmp_path)
    with persistent_dir(tmp_path):
        pass


async def test_broker_that_outlives_its_launcher_keeps_the_lock(tmp_path: Path) -> None:
    with persistent_dir(tmp_path) as folder:
        heir = await asyncio.create_subprocess_exec("cat", stdin=PIPE, pass_fds=[folder.lock])
    assert "is in use" in refusal(tmp_path)
    await asyncio.wait_for(heir.communicate(b""), 10)
    with persistent_dir(tmp_path):
        pass


def test_passing_folder_goes_with_everything_in_it() -> None:
    with temporary_dir() as folder:
        assert not folder.kept
        (folder.path / "deep").mkdir()
        (folder.path / "deep" / "file").touch()
    assert not folder.path.exists()


def test_passing_folder_goes_after_a_failure_too() -> None:
    seen: list[Path] = []

    def fail() -> None:
        with temporary_dir() as folder:
            seen.append(folder.path)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not seen[0].exists()
