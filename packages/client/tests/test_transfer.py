"""Export and import on a running portal, with the command line."""

import hashlib
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from opsroom_client import Opsroom
from opsroom_client.transfer.exported_files import folder_of
from opsroom_contracts.chat.rooms import RoomView
from packages.client.tests.shell import Shell
from packages.client.tests.tcp_proxy import Proxy
from packages.client.tests.transfer.made import mattermost, slack

pytestmark = pytest.mark.asyncio(loop_scope="package")

Line = dict[str, Any]


async def registered(proxy: Proxy) -> tuple[str, str]:
    """Register somebody. Returns the token and the id."""
    async with Opsroom(proxy.url, timeout=10) as opsroom:
        made = await opsroom.register(f"p-{uuid4().hex[:20]}")
    return made.token, made.user.id


def token_file(folder: Path, token: str) -> str:
    file = folder / f"token-{uuid4().hex}"
    file.write_text(token)
    return str(file)


async def exported(proxy: Proxy, token: str, folder: Path) -> list[Line]:
    """Export what the owner of ``token`` may read."""
    file = folder / f"{uuid4().hex}.jsonl"
    done = await Shell(proxy.url)("export", "--out", str(file), "--token-file", token_file(folder, token))
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in file.read_text().splitlines()]


def said(lines: list[Line], rooms: set[str]) -> list[Any]:
    """What an export says about rooms, without the ids, which differ between portals."""
    people = {one["id"]: one["name"] for one in lines if one["type"] == "person"}
    places = {one["id"]: place for place, one in enumerate(lines) if one["type"] == "message"}
    found: list[Any] = []
    for one in lines:
        if one["type"] == "room" and one["id"] in rooms:
            found.append(("room", one["kind"], one.get("description"), one.get("archived")))
        elif one.get("room") in rooms and one["type"] == "member":
            found.append(("member", people[one["person"]], one["role"]))
        elif one.get("room") in rooms and one["type"] == "message":
            thread = None if "thread" not in one else lines[places[one["thread"]]]["text"]
            reactions = [
                (each["emoji"], [people[who] for who in each["people"]]) for each in one.get("reactions", ())
            ]
            files = json.dumps(one.get("files"), sort_keys=True)
            who, times = people[one["person"]], (one["timestamp"], one.get("editedAt"))
            found.append((who, one["text"], times, thread, one.get("broadcast"), files, reactions))
        elif one.get("room") in rooms and one["type"] == "pin":
            found.append(("pin", lines[places[one["message"]]]["text"], people[one["person"]], one["at"]))
    return found


async def found_room(proxy: Proxy, token: str, name: str) -> RoomView:
    async with Opsroom(proxy.url, token=token, timeout=10) as opsroom:
        (found,) = [view for view in await opsroom.rooms.list() if view.room.name == name]
    return found


async def test_an_import_from_slack_keeps_times_and_authors_and_can_be_repeated(
    proxy: Proxy, tmp_path: Path
) -> None:
    token, user_id = await registered(proxy)
    name = f"deploys-{uuid4().hex[:8]}"
    channel = {"id": "C1", "name": name, "members": ["U1", "U2"], "purpose": {"value": "What goes out"}}
    day = json.dumps([{"user": "U1", "text": "*1.4.0*", "ts": "1512085950.0"}]).encode()
    file = slack(
        tmp_path / "export.zip",
        **{"channels.json": [channel], f"{name}/2017-11-30.json": day, "dms.json": []},
    )
    shell, source = Shell(proxy.url), f"slack.{uuid4().hex[:8]}"
    done = await shell("import", str(file), "--source", source, "--owner", user_id)
    assert done.stdout == "1 rooms, 2 memberships, 1 messages, 0 files, 0 pins stored\n", done.output
    again = await shell("import", str(file), "--source", source, "--owner", user_id)
    assert again.stdout == "0 rooms, 0 memberships, 0 messages, 0 files, 0 pins stored\n"

    view = await found_room(proxy, token, name)
    assert (view.role, view.members, view.room.description) == ("owner", 3, "What goes out")
    async with Opsroom(proxy.url, token=token, timeout=10) as opsroom:
        (message,) = await opsroom.history(view.room.id)
        assert (message.user.name, message.text) == ("Ann", "**1.4.0**")
        assert message.user.id.startswith("imported-")
        assert message.timestamp.isoformat() == "2017-11-30T23:52:30+00:00"
        assert message.imported is not None
        assert message.imported.source == source
        assert all(person.name != "Ann" for person in await opsroom.users())


async def test_an_interrupted_import_is_completed_by_the_next(proxy: Proxy, tmp_path: Path) -> None:
    token, user_id = await registered(proxy)
    name, source = f"town-{uuid4().hex[:8]}", f"m.{uuid4().hex[:8]}"
    lines: list[Line] = [
        {"type": "version", "version": 1},
        {"type": "channel", "channel": {"team": "ops", "name": "town", "display_name": name, "type": "P"}},
    ]
    for number in range(150):
        post = {"team": "ops", "channel": "town", "user": "ann", "message": f"text {number}"}
        lines.append({"type": "post", "post": post | {"create_at": 1512085950000 + number}})
    shell = Shell(proxy.url)
    options = ("--source", source, "--owner", user_id)
    cut = mattermost(tmp_path / "cut.jsonl", *lines[:100], b'{"type": "post", "po')
    failed = await shell("import", str(cut), *options)
    assert (failed.exit_code, "cut.jsonl:101: is not valid JSON" in failed.stderr) == (1, True)
    whole = mattermost(tmp_path / "whole.jsonl", *lines)
    assert (await shell("import", str(whole), *options)).exit_code == 0
    view = await found_room(proxy, token, name)
    async with Opsroom(proxy.url, token=token, timeout=10) as opsroom:
        texts = [one.text for one in await opsroom.history(view.room.id, limit=200)]
    assert texts == [f"text {number}" for number in range(150)]
    stranger, _ = await registered(proxy)
    assert all(one.get("name") != name for one in await exported(proxy, stranger, tmp_path))


async def test_an_export_that_is_imported_and_exported_is_the_same(proxy: Proxy, tmp_path: Path) -> None:
    (token, user_id), name = await registered(proxy), f"town-{uuid4().hex[:8]}"
    shell, source = Shell(proxy.url), f"m.{uuid4().hex[:8]}"
    file = tmp_path / "export.jsonl"
    text = mattermost(file).read_text().replace("Town Square", name)
    file.write_text(text)
    assert (await shell("import", str(file), "--source", source, "--owner", user_id)).exit_code == 0
    first = await exported(proxy, token, tmp_path)
    room = next(one["id"] for one in first if one.get("name") == name)

    copied = of_room(first, room, tmp_path / "copied.jsonl")
    options = ("--source", f"copy.{uuid4().hex[:8]}", "--accounts", str(mine(tmp_path, user_id)))
    done = await shell("import", str(copied), *options)
    assert done.exit_code == 0, done.output
    second = await exported(proxy, token, tmp_path)
    copy = next(one["id"] for one in second if one.get("name", "").startswith(f"{name} ("))
    assert said(second, {copy}) == said(first, {room})
    assert any(one[-1] == [("🎉", ["bob"])] for one in said(first, {room}))
    assert len(said(first, {room})) == 5  # the room, the importer and one member, and two messages


def of_room(lines: list[Line], room: str, file: Path) -> Path:
    """Write what an export says about one room to a file, with the people and the end."""
    kept = [
        one for one in lines if room in {one.get("room", room), one["id"] if one["type"] == "room" else ""}
    ]
    kept = [one for one in kept if one["type"] != "room" or one["id"] == room]
    file.write_text("".join(json.dumps(one) + "\n" for one in kept))
    return file


def mine(folder: Path, user_id: str) -> Path:
    file = folder / "accounts.json"
    file.write_text(json.dumps({user_id: user_id}))
    return file


async def test_an_export_continues_behind_the_last_whole_record(proxy: Proxy, tmp_path: Path) -> None:
    token, user_id = await registered(proxy)
    channel = {"team": "ops", "name": "town", "display_name": f"town-{uuid4().hex[:8]}", "type": "P"}
    replies_of = [
        {"user": "bob", "message": f"reply {place}", "create_at": 1512085960000 + place} for place in range(3)
    ]
    posts = [
        {
            "team": "ops",
            "channel": "town",
            "user": "ann",
            "message": f"line {number}",
            "create_at": 1512085950000 + number,
        }
        for number in range(3)
    ]
    threads = mattermost(
        tmp_path / "threads.jsonl",
        {"type": "version", "version": 1},
        {"type": "channel", "channel": channel},
        *({"type": "post", "post": post | {"replies": replies_of}} for post in posts),
    )
    source = f"m.{uuid4().hex[:8]}"
    done = await Shell(proxy.url)("import", str(threads), "--source", source, "--owner", user_id)
    assert done.stdout == "1 rooms, 0 memberships, 12 messages, 0 files, 0 pins stored\n", done.output
    whole = await exported(proxy, token, tmp_path)
    file = tmp_path / "again.jsonl"
    lines = [json.dumps(one) for one in whole]
    texts = [one.get("text") for one in whole]
    replies = texts.index("line 1") + 2
    assert texts[replies - 2 : replies + 2] == ["line 1", "reply 0", "reply 1", "reply 2"]
    for cut in (1, replies, replies + 1):
        part = file.with_name("again.jsonl.part")
        part.write_text("\n".join(lines[:cut]) + "\n" + lines[cut][:7])
        done = await Shell(proxy.url)(
            "export", "--out", str(file), "--token-file", token_file(tmp_path, token)
        )
        assert done.exit_code == 0, done.output
        assert "continuing" in done.stderr
        assert [json.loads(line) for line in file.read_text().splitlines()] == whole
        assert not part.exists()
        file.unlink()


async def sent_with_files(proxy: Proxy, token: str, *contents: bytes) -> tuple[str, str]:
    """Send a message with files to a new room, and pin it. Returns the ids of the room and the message."""
    async with Opsroom(proxy.url, token=token, timeout=20) as opsroom:
        room = (await opsroom.rooms.create(f"files-{uuid4().hex[:8]}", private=True)).id
        uploaded = [
            await opsroom.files.upload(content, room=room, name=f"{place}.bin")
            for place, content in enumerate(contents)
        ]
        async with opsroom.chat(token) as chat:
            sent = await chat.send("look", room=room, files=[one.id for one in uploaded])
        await opsroom.messages.pin(sent.id, room=room)
    return room, sent.id


def folder_in(folder: Path) -> Path:
    (found,) = folder.glob("*.jsonl.files")
    return found


async def test_an_export_has_the_files_and_the_pins(proxy: Proxy, tmp_path: Path) -> None:
    token, user_id = await registered(proxy)
    contents = [b"a", b"", b"a"]
    room, message = await sent_with_files(proxy, token, *contents)
    lines = await exported(proxy, token, tmp_path)
    (found,) = [one for one in lines if one["type"] == "message" and one["id"] == message]
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    assert [one["digest"] for one in found["files"]] == digests
    folder = folder_in(tmp_path)
    for digest, content in zip(digests, contents, strict=True):
        assert (folder / digest).read_bytes() == content
    named = {one["digest"] for line in lines for one in line.get("files") or ()}
    assert {one.name for one in folder.iterdir()} == named  # also of rooms that other tests have written in
    (pin,) = [one for one in lines if one["type"] == "pin" and one["room"] == room]
    assert (pin["message"], pin["person"]) == (message, user_id)
    assert lines.index(found) < lines.index(pin)

    file = tmp_path / "again.jsonl"
    for cut in (lines.index(found), lines.index(pin)):
        part = file.with_name("again.jsonl.part")
        part.write_text("".join(json.dumps(one) + "\n" for one in lines[:cut]))
        shell, options = Shell(proxy.url), ("--token-file", token_file(tmp_path, token))
        assert (await shell("export", "--out", str(file), *options)).exit_code == 0
        assert [json.loads(line) for line in file.read_text().splitlines()] == lines
        file.unlink()


async def test_an_export_without_files_names_them(proxy: Proxy, tmp_path: Path) -> None:
    token, _ = await registered(proxy)
    _, message = await sent_with_files(proxy, token, b"content")
    file, options = tmp_path / "small.jsonl", ("--token-file", token_file(tmp_path, token))
    assert (await Shell(proxy.url)("export", "--out", str(file), "--no-files", *options)).exit_code == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    (found,) = [one for one in lines if one.get("id") == message]
    assert found["files"] == [{"name": "0.bin", "type": "text/plain", "size": 7}]
    assert not folder_of(file).exists()


async def test_files_and_pins_are_imported_as_they_were(proxy: Proxy, tmp_path: Path) -> None:
    token, user_id = await registered(proxy)
    picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x08\0\0\0\x04\x08\x02\0\0\0"
    room, message = await sent_with_files(proxy, token, b"a" * 600_000, picture, b"a" * 600_000)
    async with Opsroom(proxy.url, token=token, timeout=20) as opsroom, opsroom.chat(token) as chat:
        alone = await opsroom.files.upload(b"alone", room=room, name="alone.txt")
        only = await chat.send("", room=room, files=[alone.id])
        await opsroom.messages.pin(only.id, room=room)
        await opsroom.messages.send("a reply", room=room, thread=message)
    first = await exported(proxy, token, tmp_path)
    copied = of_room(first, room, tmp_path / "copied.jsonl")
    folder_in(tmp_path).rename(folder_of(copied))
    shell = Shell(proxy.url)
    options = ("--source", f"copy.{uuid4().hex[:8]}", "--accounts", str(mine(tmp_path, user_id)))
    done = await shell("import", str(copied), *options)
    assert done.stdout == "1 rooms, 1 memberships, 3 messages, 4 files, 2 pins stored\n", done.output

    second = await exported(proxy, token, tmp_path)
    copy = next(one["id"] for one in second if one["type"] == "room" and one["id"] not in rooms_of(first))
    assert said(second, {copy}) == said(first, {room})
    async with Opsroom(proxy.url, token=token, timeout=20) as opsroom:
        pinned = await opsroom.messages.pins(copy)
        await opsroom.messages.pin(pinned[0].message.id, room=copy, on=False)
        again = await shell("import", str(copied), *options)
        assert again.stdout == "0 rooms, 0 memberships, 0 messages, 0 files, 0 pins stored\n", again.output
        assert [one.message.id for one in await opsroom.messages.pins(copy)] == [pinned[1].message.id]


def rooms_of(lines: list[Line]) -> set[str]:
    return {one["id"] for one in lines if one["type"] == "room"}
