"""The image's entry point: it gives the data folder away and drops root irrevocably."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsroom_launcher.container import ContainerError, User, transfer_ownership

USER = User()
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder of root that others can access, like a mounted disk (``tmp_path`` is private)."""
    folder = Path(tempfile.mkdtemp(prefix="opsroom-disk-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def started(data: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run the entry point with ``command``."""
    return subprocess.run(
        [sys.executable, "-m", "opsroom_launcher.container", *command],
        env={**os.environ, "OPSROOM_DATA": str(data)},
        extra_groups=[0, 4] if os.geteuid() == 0 else None,  # an engine may give root more groups
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def owner(path: Path) -> int:
    """Return the owner of ``path`` itself."""
    return path.lstat().st_uid


@as_root
def test_root_is_left_with_no_way_back_and_the_disk_can_be_written(disk: Path) -> None:
    script = f"grep -E '^(Uid|Gid|Groups|Cap(Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status; id -u > {disk}/lock"
    done = started(disk, "/bin/sh", "-c", script)
    assert done.returncode == 0, done.stderr
    status = dict(line.split(":", 1) for line in done.stdout.splitlines())
    assert {name: value.split() for name, value in status.items()} == {
        "Uid": ["10001"] * 4,
        "Gid": ["10001"] * 4,
        "Groups": [],
        "CapPrm": ["0" * 16],
        "CapEff": ["0" * 16],
        "CapAmb": ["0" * 16],
        "NoNewPrivs": ["1"],
    }
    assert (disk / "lock").read_text() == "10001\n"


@as_root
def test_only_what_is_ours_is_handed_over(disk: Path) -> None:
    outside = disk / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    data = disk / "data"
    (data / "jetstream" / "deep").mkdir(parents=True)
    (data / "lost+found").mkdir()
    (data / "jetstream" / "deep" / "file").write_text("x")
    (data / "jetstream" / "a link").symlink_to(outside)
    (data / "users").symlink_to(outside)
    os.link(outside / "secret", data / "jetstream" / "a second name")
    transfer_ownership(data, USER)
    ours = (data, data / "jetstream", data / "jetstream/deep", data / "jetstream/deep/file")
    assert [owner(path) for path in ours] == [USER.uid] * 4
    assert [owner(path) for path in (outside, outside / "secret", data / "lost+found")] == [0, 0, 0]


@as_root
def test_what_has_the_right_owner_is_not_touched(disk: Path) -> None:
    (disk / "jetstream").mkdir()
    (disk / "jetstream" / "file").write_text("x")
    transfer_ownership(disk, USER)
    paths = (disk, disk / "jetstream", disk / "jetstream" / "file")
    before = [path.stat().st_ctime_ns for path in paths]  # any chown updates it, even to the same owner
    transfer_ownership(disk, USER)
    assert [path.stat().st_ctime_ns for path in paths] == before


@as_root
def test_what_root_restored_deep_inside_is_handed_over_though_the_folder_is_ours(disk: Path) -> None:
    transfer_ownership(disk, USER)
    (disk / "jetstream" / "stream").mkdir(parents=True)
    transfer_ownership(disk, USER)
    assert [owner(disk / "jetstream"), owner(disk / "jetstream/stream")] == [USER.uid] * 2


@as_root
def test_root_without_capabilities_gets_an_error_that_says_what_to_change(disk: Path) -> None:
    command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-m"]
    done = subprocess.run(
        [*command, "opsroom_launcher.container", "/bin/true"],
        env={**os.environ, "OPSROOM_DATA": str(disk)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("opsroom: the container runs as root without the capabilities SETUID")
    assert "--user 10001:10001" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("data", [Path("/"), Path(sys.prefix), Path(sys.prefix).parent])
def test_a_folder_that_holds_the_program_is_not_given_away(data: Path) -> None:
    with pytest.raises(ContainerError, match="holds the program itself"):
        transfer_ownership(data, USER)


def test_a_command_that_is_not_there_is_named_in_one_line(disk: Path) -> None:
    done = started(disk, "/no/such-program")
    assert (done.returncode, done.stderr) == (
        1,
        "opsroom: can't run /no/such-program: No such file or directory\n",
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root does not stay root: the tests above")
def test_who_is_not_root_goes_on_as_they_are(disk: Path) -> None:
    assert started(disk, "/bin/sh", "-c", "id -u").stdout == f"{os.geteuid()}\n"
