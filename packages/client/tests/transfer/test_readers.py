"""Exports of Slack and Mattermost, read: what becomes of them, and what is wrong with bad ones."""

import json
import time
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsroom_client.transfer import reading
from opsroom_client.transfer.emoji import emoji_of
from opsroom_client.transfer.importing import Reader, batches, read_export
from opsroom_client.transfer.mattermost import MattermostExport
from opsroom_client.transfer.reading import TransferError
from opsroom_client.transfer.records import FoundMessage, Record
from opsroom_contracts.chat.imports import SourceMembers, SourceMessage, SourcePerson, SourceRoom
from opsroom_contracts.chat.models import TEXT_MAX
from opsroom_contracts.serialization.model import rfc3339
from opsroom_contracts.text.slack import to_markdown
from packages.client.tests.transfer.made import CHANNELS, MATTERMOST, mattermost, slack

THEN = datetime(2017, 11, 30, tzinfo=UTC)
PEOPLE, NAMES = {"U1": "Ann"}, {"C1": "deploys"}


def read(path: Path, **accounts: str) -> tuple[list[Record], Reader]:
    """Read an export."""
    with read_export(path, accounts) as reader:
        return list(reader.records()), reader


def messages(records: list[Record]) -> list[SourceMessage]:
    return [one for one in records if isinstance(one, SourceMessage)]


def rooms(records: list[Record]) -> dict[str, SourceRoom]:
    return {one.id: one for one in records if isinstance(one, SourceRoom)}


def failure(path: Path) -> str:
    with pytest.raises(TransferError) as failed:
        read(path)
    return str(failed.value)


def test_slack_becomes_rooms_members_and_messages(tmp_path: Path) -> None:
    records, reader = read(slack(tmp_path / "export.zip"), bob="user-of-bob")
    assert reader.source == "slack.t9"
    found = rooms(records)
    assert (found["C1"].kind, found["C1"].name, found["C1"].description) == (
        "public",
        "deploys",
        "What goes out",
    )
    assert found["D1"].kind == "direct"
    assert [one.person.name for one in found["D1"].members] == ["Ann", "Bob Jones"]
    (members,) = [one for one in records if isinstance(one, SourceMembers)]
    assert [(one.person.id, one.person.account) for one in members.members] == [
        ("U1", None),
        ("U2", "user-of-bob"),
    ]
    first, reply, bot, direct = messages(records)
    assert first.text == "**1.4.0** is out & [runs](https://ops.example/1)"
    assert rfc3339(first.timestamp) == "2017-11-30T23:52:30.000Z"
    assert first.edited_at is not None
    assert [(one.emoji, [who.name for who in one.people]) for one in first.reactions] == [
        ("🎉", ["Bob Jones"])
    ]
    assert (reply.thread, reply.text) == (
        first.id,
        "thanks @Ann\n[log.txt](https://files.slack.com/f/log.txt)",
    )
    assert (bot.person.id, bot.person.name, direct.text) == ("bot:B1", "ci", "psst")
    assert dict(reader.skipped) == {"notices": 1, "custom reactions": 1, "files without content": 1}


def test_an_unpacked_export_of_slack_is_the_same(tmp_path: Path) -> None:
    file = slack(tmp_path / "export.zip")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path / "unpacked" / "team")
    assert read(tmp_path / "unpacked")[0] == read(file)[0]


@pytest.mark.parametrize("name", ["export.jsonl", "export.zip"])
def test_mattermost_becomes_rooms_members_and_messages(tmp_path: Path, name: str) -> None:
    records, reader = read(mattermost(tmp_path / name))
    found = rooms(records)
    assert {one.id: (one.kind, one.name) for one in found.values() if one.kind != "direct"} == {
        "ops/town": ("public", "Town Square"),
        "ops/secret": ("private", "Secret"),
    }
    first, reply, direct = messages(records)
    assert (first.text, rfc3339(first.timestamp)) == (
        "**1.4.0** is out\n[log.txt]",
        "2017-11-30T23:52:30.000Z",
    )
    assert (reply.thread, reply.person.name, direct.text) == (first.id, "bob", "psst")
    assert found[direct.room].kind == "direct"
    assert dict(reader.skipped) == {"files without content": 1}


def test_ids_are_the_same_each_time(tmp_path: Path) -> None:
    for file in (slack(tmp_path / "slack.zip"), mattermost(tmp_path / "mattermost.jsonl")):
        assert read(file)[0] == read(file)[0]
        ids = [(one.room, one.id) for one in messages(read(file)[0])]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"users.json": b"[{]"}, "users.json: is not valid JSON"),
        ({"users.json": b"\xff"}, "users.json: is not valid JSON: byte 0 is not valid UTF-8"),
        ({"users.json": {"id": 1}}, "users.json: the payload must be a list"),
        ({"channels.json": [CHANNELS[0], {"name": "x"}]}, "channels.json: 1.id: is required"),
        ({"deploys/2017-11-30.json": [{"ts": "soon"}]}, "deploys/2017-11-30.json: 0.ts: must match"),
        ({"deploys/2017-11-30.json": [{"ts": 5}]}, "deploys/2017-11-30.json: 0.ts: must be text"),
        ({"../../etc/cron.d/x": b"x"}, "which would be outside of the archive"),
        ({"/etc/passwd": b"x"}, "which would be outside of the archive"),
    ],
)
def test_a_bad_export_of_slack_is_named(tmp_path: Path, files: dict[str, Any], reason: str) -> None:
    assert reason in failure(slack(tmp_path / "export.zip", **files))


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((MATTERMOST[1],), "export.jsonl:1: must be the version"),
        (({"type": "version", "version": 2},), "export.jsonl:1: must be the version"),
        ((*MATTERMOST[:1], b"{"), "export.jsonl:2: is not valid JSON"),
        ((*MATTERMOST[:1], {"type": "post"}), "export.jsonl:2: post: is required"),
        ((*MATTERMOST[:1], b"", {"type": "post", "post": {"team": "a"}}), "export.jsonl:3: post."),
    ],
)
def test_a_bad_export_of_mattermost_is_named(tmp_path: Path, lines: tuple[Any, ...], reason: str) -> None:
    file = mattermost(tmp_path / "export.jsonl", *lines)
    with pytest.raises(TransferError) as failed:
        list(MattermostExport(file, {}).records())
    assert reason in str(failed.value)


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("hello\n")
    assert "notes.txt:1: is not valid JSON" in failure(other)
    other.write_text("")
    assert "is no export" in failure(other)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(slack(tmp_path / "export.zip").read_bytes()[:-40])
    assert "broken.zip" in failure(broken)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FILE_MAX_BYTES", 1024 * 1024)
    bomb = slack(tmp_path / "export.zip", **{"deploys/2017-11-30.json": b" " * 64 * 1024 * 1024})
    assert bomb.stat().st_size < 200_000
    assert failure(bomb) == "deploys/2017-11-30.json: has more than 1048576 bytes, which is the limit"


def test_a_line_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LINE_MAX_BYTES", 1024)
    file = mattermost(tmp_path / "export.jsonl", MATTERMOST[0], b"x" * 5000)
    assert failure(file) == "export.jsonl:2: has more than 1024 bytes, which is the limit"


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(slack(tmp_path / "export.zip")) as archive:
        archive.extractall(folder)
    secret = tmp_path / "secret.json"
    secret.write_text("[]")
    (folder / "users.json").unlink()
    (folder / "users.json").symlink_to(secret)
    assert "leads out of" in failure(folder)


@pytest.mark.parametrize(
    ("slack_text", "markdown"),
    [
        ("*bold* _it_ ~no~", "**bold** _it_ ~~no~~"),
        ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
        ("`*x* &lt;b&gt;` *y*", "`*x* <b>` **y**"),
        ("```a\nb```", "```\na\nb\n```\n"),
        ("<@U1> <@U7|zoe> <#C1> <!here> <!channel>", "@Ann @zoe #deploys @here @room"),
        ("<https://a.b/?x=1&amp;y=2|a [b]>", "[a (b)](https://a.b/?x=1&y=2)"),
        ("<https://a.b> <mailto:a@b.c|a@b.c>", "https://a.b a@b.c"),
        ("&amp;lt; <!date^1^{date}|Jan 1> <!subteam^S1|@ops>", "&lt; Jan 1 @ops"),
    ],
)
def test_the_markup_of_slack_becomes_markdown(slack_text: str, markdown: str) -> None:
    assert to_markdown(slack_text, PEOPLE, NAMES) == markdown


@given(st.text(alphabet="*_~`<>|@#!&;lt amp\nab", max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_markup_becomes_some_text(text: str) -> None:
    assert len(to_markdown(text, PEOPLE, NAMES)) <= 8 * len(text) + 8


@pytest.mark.parametrize("piece", ["*a ", "`a", "```", "<", "<a", "_*~", "``` ", "<@"])
def test_hostile_markup_takes_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        started = time.perf_counter()
        to_markdown(piece * size, PEOPLE, NAMES)
        return time.perf_counter() - started

    assert min(seconds(40_000) for _ in range(2)) < 40 * max(min(seconds(4_000) for _ in range(2)), 0.005)


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists).map(
        lambda value: json.dumps(value).encode()
    )
)
@settings(max_examples=60, deadline=None)
def test_any_content_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    for name in ("users.json", "channels.json", "dms.json", "deploys/2017-11-30.json"):
        file = slack(folder / "export.zip", **{name: data})
        with suppress(TransferError):
            read(file)
    for lines in ((data,), (MATTERMOST[0], data)):
        with suppress(TransferError):
            read(mattermost(folder / "export.jsonl", *lines))


@given(st.integers(0, 2**32), st.binary(min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_a_damaged_zip_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, other: bytes
) -> None:
    file = slack(tmp_path_factory.mktemp("damaged") / "export.zip")
    data = bytearray(file.read_bytes())
    place %= len(data)
    data[place : place + len(other)] = other
    file.write_bytes(bytes(data))
    with suppress(TransferError):
        read(file)


@given(st.text(max_size=3 * TEXT_MAX))
@settings(max_examples=50, deadline=None)
def test_the_parts_of_a_long_text_are_all_of_it(text: str) -> None:
    person = SourcePerson(id="a", name="a")
    found = FoundMessage("r", "1", person, text, THEN)
    parts = [one.text for one in found.records()]
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part.strip() and len(part) <= TEXT_MAX for part in parts)


def test_requests_have_a_bounded_size() -> None:
    person = SourcePerson(id="a", name="a")
    found = [FoundMessage("r", str(number), person, "я" * 3000, THEN) for number in range(100)]
    made = list(batches(record for one in found for record in one.records()))
    assert sum(len(batch) for batch in made) == 100
    assert max(sum(len(one.model_dump_json()) for one in batch) for batch in made) < 64 * 1024


def test_emoji_by_name() -> None:
    assert [emoji_of(name) for name in ("+1", ":tada:", "wave::skin-tone-2", "our-logo")] == [
        "👍",
        "🎉",
        "👋🏻",
        None,
    ]


def test_names_of_zip_entries_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ENTRIES_MAX", 10)
    file = slack(tmp_path / "export.zip", **{f"x/{number}.json": b"[]" for number in range(20)})
    assert "the limit is 10" in failure(file)
