"""Files and pins of exports, read: where the contents are, and what is said without them."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from opsroom_client.transfer.contents import Content
from opsroom_client.transfer.exported_files import folder_of
from opsroom_client.transfer.importing import Reader, forget, read_export
from opsroom_client.transfer.reading import TransferError
from opsroom_client.transfer.records import Record
from opsroom_contracts.chat.imports import SourceMessage, SourcePin
from packages.client.tests.transfer.made import CHANNELS, MATTERMOST, mattermost, slack

LOG = b"all is well\n" * 1000
DIGEST = hashlib.sha256(LOG).hexdigest()
AT = "2026-11-30T10:00:00.000Z"


def read(path: Path) -> tuple[list[Record], Reader]:
    with read_export(path, {}) as reader:
        return list(reader.records()), reader


def message(records: list[Record], text: str) -> SourceMessage:
    (found,) = [one for one in records if isinstance(one, SourceMessage) and text in one.text]
    return found


def pins(records: list[Record]) -> list[tuple[str, str, str]]:
    found = [one for one in records if isinstance(one, SourcePin)]
    return [(one.room, one.message, one.person.id) for one in found]


async def content(reader: Reader, of: SourceMessage, place: int = 0) -> tuple[Content, bytes]:
    found = reader.contents.of(of.room, of.id)[place]
    return found, b"".join([piece async for piece in found.pieces()])


def portal(path: Path, *files: dict[str, Any], text: str = "look", version: int = 2) -> Path:
    """Write an export of this program, with one message and its pin."""
    lines: list[dict[str, Any]] = [
        {"type": "export", "version": version, "at": AT},
        {"type": "person", "id": "u1", "name": "ann"},
        {"type": "room", "id": "general", "kind": "open", "name": "general"},
        {
            "type": "message",
            "room": "general",
            "id": "m1",
            "seq": 7,
            "person": "u1",
            "text": text,
            "timestamp": AT,
            "files": files,
        },
        {"type": "pin", "room": "general", "message": "m1", "person": "u1", "at": AT},
        {"type": "end", "people": 1, "rooms": 1, "messages": 1},
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    return path


def exported(path: Path, content: bytes = LOG) -> None:
    """Put a content into the folder beside an export, under the digest of ``LOG``."""
    folder_of(path).mkdir()
    (folder_of(path) / DIGEST).write_bytes(content)


FILE = {"name": "a.log", "type": "text/plain", "size": len(LOG)}


async def test_an_export_has_files_in_the_folder_beside_it(tmp_path: Path) -> None:
    path = portal(tmp_path / "team.jsonl", FILE | {"digest": DIGEST}, text="")
    exported(path)
    records, reader = read(path)
    found = message(records, "")
    assert found.files == (DIGEST,)
    kept, data = await content(reader, found)
    assert (kept.name, kept.type, kept.size, data) == ("a.log", "text/plain", len(LOG), LOG)
    assert pins(records) == [("general", "m1", "u1")]
    forget(reader, records)
    assert not reader.contents.of("general", "m1")


def test_a_damaged_content_is_refused(tmp_path: Path) -> None:
    path = portal(tmp_path / "team.jsonl", FILE | {"digest": DIGEST})
    exported(path, LOG + b"x")
    with pytest.raises(TransferError, match=r"a\.log: is damaged"):
        read(path)


@pytest.mark.parametrize(("version", "more"), [(1, {}), (2, {}), (2, {"digest": DIGEST})])
def test_files_without_contents_are_named(tmp_path: Path, version: int, more: dict[str, str]) -> None:
    records, reader = read(portal(tmp_path / "team.jsonl", FILE | more, version=version))
    assert message(records, "look").text == "look\n[a.log]"
    assert message(records, "look").files == ()
    assert dict(reader.skipped) == {"files without content": 1}


@pytest.mark.parametrize("digest", ["../../etc/passwd", "a" * 63, "A" * 64])
def test_a_digest_is_never_a_path(tmp_path: Path, digest: str) -> None:
    with pytest.raises(TransferError, match="digest"):
        read(portal(tmp_path / "team.jsonl", FILE | {"digest": digest}))


def test_files_above_the_limit_are_named(tmp_path: Path) -> None:
    path = portal(
        tmp_path / "team.jsonl", *(FILE | {"name": f"{place}", "digest": DIGEST} for place in range(12))
    )
    exported(path)
    found = message(read(path)[0], "look")
    assert (len(found.files), found.text) == (10, "look\n[10]\n[11]")


@pytest.mark.parametrize("place", ["archive", "folder", "beside"])
async def test_mattermost_has_attachments_in_a_folder(tmp_path: Path, place: str) -> None:
    archive = mattermost(tmp_path / "export.zip")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("data/20171130/log.txt", LOG)
    if place != "archive":
        with zipfile.ZipFile(archive) as file:
            file.extractall(tmp_path / "unpacked")
    path = {"archive": archive, "folder": tmp_path / "unpacked"}.get(
        place, tmp_path / "unpacked/import.jsonl"
    )
    with read_export(path, {}) as reader:
        for record in reader.records():
            if isinstance(record, SourceMessage) and record.files:
                assert (record.text, record.files) == ("**1.4.0** is out", (DIGEST,))
                assert (await content(reader, record))[1] == LOG
                return
    raise AssertionError("no message has files")


@pytest.mark.parametrize(
    "path", ["../secret.txt", "data/../../secret.txt", "/etc/passwd", "data", "a\\b", ""]
)
@pytest.mark.parametrize("name", ["sub/export.jsonl", "sub/export.zip"])
def test_an_attachment_outside_of_the_folder_is_not_read(tmp_path: Path, path: str, name: str) -> None:
    (tmp_path / "sub" / "data").mkdir(parents=True)
    (tmp_path / "secret.txt").write_bytes(LOG)
    (tmp_path / "sub" / "secret.txt").write_bytes(LOG)
    post = MATTERMOST[5]["post"] | {"attachments": [{"path": path}]}
    lines = (*MATTERMOST[:5], {"type": "post", "post": post})
    records, reader = read(mattermost(tmp_path / name, *lines))
    assert message(records, "1.4.0").files == ()
    assert dict(reader.skipped) == {"files without content": 1}


def test_mattermost_has_pinned_posts(tmp_path: Path) -> None:
    post = MATTERMOST[5]["post"] | {"is_pinned": True, "attachments": None}
    records, _ = read(mattermost(tmp_path / "a.jsonl", *MATTERMOST[:5], {"type": "post", "post": post}))
    assert pins(records) == [("ops/town", message(records, "1.4.0").id, "ann")]


async def test_slack_has_files_if_another_program_has_added_them(tmp_path: Path) -> None:
    file = {"id": "F1", "name": "log.txt", "url_private": "https://files.slack.com/f/log.txt?t=xoxe-secret"}
    day = [{"user": "U1", "text": "", "ts": "1512085950.0", "files": [file, file | {"id": "F2"}]}]
    pinned = CHANNELS[0] | {
        "pins": [{"id": "1512085950.0", "type": "C", "user": "U2", "created": 1512085951}]
    }
    files = {"channels.json": [pinned], "deploys/2017-11-30.json": day, "dms.json": []}
    path = slack(tmp_path / "export.zip", **files, **{"__uploads/F1/log.txt": LOG})
    with read_export(path, {}) as reader:
        records = list(reader.records())
        found = message(records, "")
        assert (found.text, found.files) == ("[log.txt](https://files.slack.com/f/log.txt)", (DIGEST,))
        assert (await content(reader, found))[1] == LOG
    assert pins(records) == [("C1", "1512085950.0", "U2")]
    assert dict(reader.skipped) == {"files without content": 1}
