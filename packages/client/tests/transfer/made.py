"""Exports of other chats, as tests make them."""

import json
import zipfile
from pathlib import Path
from typing import Any

USERS: list[dict[str, Any]] = [
    {"id": "U1", "team_id": "T9", "name": "ann", "profile": {"display_name": "Ann"}},
    {"id": "U2", "team_id": "T9", "name": "bob", "real_name": "Bob Jones", "profile": {}},
]
CHANNELS: list[dict[str, Any]] = [
    {
        "id": "C1",
        "name": "deploys",
        "created": 1512000000,
        "members": ["U1", "U2"],
        "purpose": {"value": "What goes out"},
    }
]
DAY: list[dict[str, Any]] = [
    {"type": "message", "subtype": "channel_join", "user": "U1", "text": "joined", "ts": "1512085940.000001"},
    {
        "type": "message",
        "user": "U1",
        "text": "*1.4.0* is out &amp; <https://ops.example/1|runs>",
        "ts": "1512085950.000216",
        "thread_ts": "1512085950.000216",
        "reactions": [{"name": "tada", "users": ["U2"], "count": 1}, {"name": "our-logo", "users": ["U2"]}],
        "edited": {"user": "U1", "ts": "1512085960.000000"},
    },
    {
        "type": "message",
        "user": "U2",
        "text": "thanks <@U1>",
        "ts": "1512085970.000300",
        "thread_ts": "1512085950.000216",
        "files": [{"name": "log.txt", "url_private": "https://files.slack.com/f/log.txt?t=xoxe-secret"}],
    },
    {
        "type": "message",
        "subtype": "bot_message",
        "bot_id": "B1",
        "username": "ci",
        "text": "ok",
        "ts": "1512085980.1",
    },
]


def slack(path: Path, **files: Any) -> Path:
    """Write an export of Slack; ``files`` replaces or adds files by name, as bytes or as JSON."""
    content: dict[str, Any] = {
        "users.json": USERS,
        "channels.json": CHANNELS,
        "dms.json": [{"id": "D1", "members": ["U1", "U2"]}],
        "deploys/2017-11-30.json": DAY,
        "D1/2017-11-30.json": [{"type": "message", "user": "U2", "text": "psst", "ts": "1512085990.5"}],
    } | files
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in content.items():
            archive.writestr(name, value if isinstance(value, bytes) else json.dumps(value))
    return path


MATTERMOST: tuple[dict[str, Any], ...] = (
    {"type": "version", "version": 1},
    {"type": "team", "team": {"name": "ops", "display_name": "Ops", "type": "O"}},
    {
        "type": "channel",
        "channel": {"team": "ops", "name": "town", "display_name": "Town Square", "type": "O"},
    },
    {"type": "channel", "channel": {"team": "ops", "name": "secret", "display_name": "Secret", "type": "P"}},
    {
        "type": "user",
        "user": {
            "username": "ann",
            "nickname": "Ann",
            "teams": [{"name": "ops", "channels": [{"name": "town", "roles": "channel_user channel_admin"}]}],
        },
    },
    {
        "type": "post",
        "post": {
            "team": "ops",
            "channel": "town",
            "user": "ann",
            "message": "**1.4.0** is out",
            "create_at": 1512085950000,
            "edit_at": 1512085960000,
            "reactions": [{"user": "bob", "emoji_name": "tada", "create_at": 1512085951000}],
            "replies": [{"user": "bob", "message": "thanks", "create_at": 1512085970000}],
            "attachments": [{"path": "20171130/log.txt"}],
        },
    },
    {"type": "direct_channel", "direct_channel": {"members": ["ann", "bob"]}},
    {
        "type": "direct_post",
        "direct_post": {
            "channel_members": ["bob", "ann"],
            "user": "bob",
            "message": "psst",
            "create_at": 1512085990000,
        },
    },
)


def mattermost(path: Path, *lines: dict[str, Any] | bytes) -> Path:
    """Write an export of Mattermost, with other lines if there are any."""
    content = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines or MATTERMOST]
    data = b"\n".join(content) + b"\n"
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("import.jsonl", data)
    else:
        path.write_bytes(data)
    return path
