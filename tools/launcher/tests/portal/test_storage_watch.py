"""The watch over the embedded broker's disk."""

import asyncio
from pathlib import Path

import pytest

from opsroom_launcher.portal import storage_watch
from opsroom_launcher.portal.storage_watch import StorageWatch, has_room
from opsroom_runtime.process import run_tasks
from opsroom_testkit.waiting import until

FAILED = (
    "[1] 2026/11/29 15:00:00.000001 [ERR] JetStream failed to store a msg on stream '$G > CHAT':"
    " write /data/1.blk: no space left on device"
)


def test_a_folder_that_can_be_written_has_room_and_another_one_has_none(tmp_path: Path) -> None:
    assert has_room(tmp_path)
    assert not has_room(tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_nearly_full_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_watch, "_ROOM_BYTES", 2**62)
    assert not has_room(tmp_path)


async def test_the_restart_waits_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_watch, "_FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(storage_watch, "_CHECK_SECONDS", 0.0)
    folder = tmp_path / "disk"
    watch = StorageWatch(folder, lambda _: True)
    restarts: list[str] = []
    async with run_tasks(watch=watch.run(restarts.append)):
        assert watch.is_shown("another line")
        await asyncio.sleep(0)
        assert watch.is_shown(FAILED)
        assert not watch.is_shown(FAILED), "each line of a flood is not shown"
        for _ in range(10):
            await asyncio.to_thread(has_room, folder)
        assert restarts == []
        folder.mkdir()
        await until(lambda: restarts)
    assert len(restarts) == 1
