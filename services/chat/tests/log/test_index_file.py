"""The file of the message index: what is kept, shared and replaced."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsroom_chat.log.details import Detail, Kind, Placed
from opsroom_chat.log.index_file import IndexFile, Saved
from opsroom_chat.log.keys import message_key, stored_key
from opsroom_contracts.subjects import former_message_subject, message_subject
from opsroom_messaging.jetstream.stream_position import Known, ResumePoint

KEY = message_key("general", "m1")
SAVED = Saved(
    ResumePoint("epoch", datetime(2026, 1, 1, tzinfo=UTC), Known(7, 1_234_567_890_123_456_789)),
    {message_subject("general", "m1"): 7},
    3,
)
PATH = "messages-0.sqlite"


def saved_file(folder: Path) -> None:
    file = IndexFile.open(folder)
    file.store({KEY: 7}, SAVED)
    file.close()


def test_what_was_stored_is_found_by_the_next_process(tmp_path: Path) -> None:
    saved_file(tmp_path)
    file = IndexFile.open(tmp_path)
    assert file.saved == SAVED
    assert file.find(KEY) == 7
    assert file.find(message_key("general", "m2")) is None
    file.store({KEY: 5}, None)
    assert file.find(KEY) == 7  # the last event of a message
    file.trim(8)
    assert file.find(KEY) is None
    file.close()


@pytest.mark.parametrize("in_memory", [False, True])
def test_many_threads_get_the_answers_to_their_own_questions(tmp_path: Path, in_memory: bool) -> None:
    rooms = [f"room{number}" for number in range(8)]
    added = [Detail(room, 10 + number, Kind.PIN, 20 + number) for number, room in enumerate(rooms)]
    with closing(IndexFile.open(None if in_memory else tmp_path)) as file, ThreadPoolExecutor(8) as threads:
        file.store({}, None, None, added)
        found = list(threads.map(file.pinned, rooms * 2000))
    assert found == [[Placed(10 + number, 20 + number)] for number in range(8)] * 2000


def test_processes_do_not_share_a_file(tmp_path: Path) -> None:
    with closing(IndexFile.open(tmp_path)) as first, closing(IndexFile.open(tmp_path)) as second:
        first.store({KEY: 7}, SAVED)
        assert second.find(KEY) is None
    with closing(IndexFile.open(tmp_path)) as next_process:
        assert next_process.saved == SAVED


@pytest.mark.parametrize("part", ["whole", "end", "header", "version", "state", "empty"])
def test_an_unusable_file_is_replaced(tmp_path: Path, part: str) -> None:
    saved_file(tmp_path)
    path = tmp_path / PATH
    content = path.read_bytes()
    match part:
        case "whole":
            path.write_bytes(b"junk" * 1000)
        case "end":
            path.write_bytes(content[: len(content) // 2])
        case "header":
            path.write_bytes(bytes(100) + content[100:])
        case "empty":
            path.write_bytes(b"")
        case "version":
            change(path, "PRAGMA user_version = 99")
        case "state":
            change(path, "UPDATE state SET saved = '{}'")
    with closing(IndexFile.open(tmp_path)) as file:
        assert file.saved is None
        assert file.find(KEY) is None
        file.store({KEY: 9}, SAVED)
    with closing(IndexFile.open(tmp_path)) as file:
        assert file.find(KEY) == 9


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_without_a_usable_folder_the_index_is_in_memory(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    for folder in (None, occupied):
        file = IndexFile.open(folder)
        file.store({KEY: 7}, SAVED)
        assert file.find(KEY) == 7
        with closing(file.replaced()) as empty:
            assert empty.find(KEY) is None


def test_a_replaced_file_is_empty_and_stays_ours(tmp_path: Path) -> None:
    saved_file(tmp_path)
    with closing(IndexFile.open(tmp_path).replaced()) as file, closing(IndexFile.open(tmp_path)) as other:
        assert (file.saved, file.find(KEY)) == (None, None)
        file.store({KEY: 7}, SAVED)
        assert other.find(KEY) is None


@pytest.mark.parametrize(
    ("subject", "payload", "known"),
    [
        (message_subject("general", "m1"), b'{"id":"m1"}', True),
        (message_subject("general", "m1"), b'{"version":9,"type":"new","id":"m1","new":[]}', True),
        (former_message_subject("general", "m1"), b"junk", True),
        (message_subject("general", "m1"), b"junk", False),
        (message_subject("general", "m1"), b'{"id":7}', False),
        (message_subject("general", "m1"), b'["id"]', False),
        (message_subject("ops", "m1"), b'{"id":"m1"}', False),
        ("chat.events.general", b'{"id":"m1"}', False),
    ],
)
def test_an_event_belongs_to_the_message_of_its_id_and_room(
    subject: str, payload: bytes, known: bool
) -> None:
    assert (stored_key(subject, payload) == KEY) == known
