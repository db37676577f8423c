"""The records of running portals, and the selection among them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from opsroom_launcher.install.install_layout import checkout_layout
from opsroom_launcher.portal.banner import Addresses
from opsroom_launcher.selection.portal_locator import locate_portal
from opsroom_launcher.selection.portal_selection import select_portal
from opsroom_launcher.selection.run_record import RunRecord, registered
from opsroom_launcher.selection.run_records import list_running

OUTSIDE = "nats://me:hidden@broker-1:4222,nats://hidden@broker-2:4222"


def at(port: int, data: Path | None) -> RunRecord:
    """Return the record of a portal of this process."""
    nats = OUTSIDE if data is None else "nats://127.0.0.1:4222"
    return RunRecord.of(Addresses("0.0.0.0", port, nats, data, kept=True, page=None))


def later(root: Path, port: int) -> None:
    """Make the portal at ``port`` the last started, independently of the resolution of file times."""
    for file in checkout_layout(root).run_dir.iterdir():
        if json.loads(file.read_text())["port"] == port:
            soon = file.stat().st_mtime_ns + 10**10
            os.utime(file, ns=(soon, soon))


def test_running_portals_are_listed_latest_first(tmp_path: Path) -> None:
    assert list_running(checkout_layout(tmp_path)) == []
    first, second = at(8001, tmp_path / "a"), at(8002, tmp_path / "b")
    with registered(checkout_layout(tmp_path), first):
        with registered(checkout_layout(tmp_path), second):
            later(tmp_path, 8002)
            assert list_running(checkout_layout(tmp_path)) == [second, first]
        assert list_running(checkout_layout(tmp_path)) == [first]
    assert list(checkout_layout(tmp_path).run_dir.iterdir()) == []


def test_what_was_left_behind_is_passed_over_and_cleared_away(tmp_path: Path) -> None:
    portal = at(8001, tmp_path)
    folder = checkout_layout(tmp_path).run_dir
    folder.mkdir(parents=True)
    with registered(checkout_layout(tmp_path), portal):
        (told,) = folder.iterdir()
        (folder / "1-killed.json").write_text(told.read_text())
    (folder / "2-killed.json").write_text("{")
    assert list_running(checkout_layout(tmp_path)) == []
    with registered(checkout_layout(tmp_path), portal):
        assert list_running(checkout_layout(tmp_path)) == [portal]
        assert len(list(folder.iterdir())) == 1


def test_an_unwritable_folder_is_not_an_error(tmp_path: Path) -> None:
    (tmp_path / ".opsroom").write_text("no folder")
    with registered(checkout_layout(tmp_path), at(8001, tmp_path)):
        assert list_running(checkout_layout(tmp_path)) == []


def test_run_records_contain_no_secrets(tmp_path: Path) -> None:
    with registered(checkout_layout(tmp_path), at(8001, None)):
        (file,) = checkout_layout(tmp_path).run_dir.iterdir()
        assert "hidden" not in file.read_text()
        assert file.stat().st_mode & 0o077 == 0
        layout = checkout_layout(tmp_path)
        found = locate_portal(layout, {}, select_portal(layout, {}))
        assert found.external_broker == "--nats"
        broker = found.broker()
        assert broker is not None
        assert broker[0] == "nats://broker-1:4222,nats://broker-2:4222"


@pytest.mark.parametrize(
    ("environ", "port"),
    [
        ({}, 8002),
        ({"PORT": "8001"}, 8001),
        ({"OPSROOM_DATA": "{root}/a"}, 8001),
        ({"PORT": "8001", "OPSROOM_DATA": "{root}/b"}, 8001),
        ({"PORT": "9000"}, 9000),
        ({"PORT": "0"}, 8002),
        ({"OPSROOM_URL": "http://localhost:8001/", "PORT": "8002"}, 8001),
        ({"OPSROOM_URL": "http://127.0.0.1:9000"}, 9000),
        ({"NATS_URL": "nats://broker:4222"}, 8000),
        ({"NATS_CONTEXT": "ours"}, 8000),
    ],
)
def test_the_environment_picks_one(tmp_path: Path, environ: Mapping[str, str], port: int) -> None:
    given = {name: value.format(root=tmp_path) for name, value in environ.items()}
    with (
        registered(checkout_layout(tmp_path), at(8001, tmp_path / "a")),
        registered(checkout_layout(tmp_path), at(8002, tmp_path / "b")),
    ):
        later(tmp_path, 8002)
        found = select_portal(checkout_layout(tmp_path), given)
    assert (found.host, found.port) == ("127.0.0.1", port)
    assert [one.port for one in found.others] == ([8001] if port == 8002 else [])
    contradicts = "PORT" in environ and "OPSROOM_DATA" in environ
    assert bool(found.record) == (port in {8001, 8002} and not contradicts)
