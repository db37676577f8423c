"""Mattermost's bulk export: a file with a JSON object on each line, alone or in a zip file with attachments.

https://docs.mattermost.com/onboard/bulk-loading-data-format.html describes it. Its messages are Markdown
already. Attachments are in the folder ``data``, in the zip file or beside the file.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import Field, TypeAdapter

from opsroom_client.transfer.attachments import Attachments
from opsroom_client.transfer.contents import Contents, FoundFile, content_of
from opsroom_client.transfer.emoji import emoji_of
from opsroom_client.transfer.reading import Foreign, TransferError, checked, lines_of, opened
from opsroom_client.transfer.records import FoundMessage, FoundRoom, Record, people_of
from opsroom_contracts.chat.imports import (
    SourceMember,
    SourceMembers,
    SourcePerson,
    SourcePin,
    SourceReaction,
)
from opsroom_contracts.chat.rooms import RoomRole

ValueT = TypeVar("ValueT")
_Name = Annotated[str, Field(min_length=1, max_length=100)]
_Milliseconds = Annotated[int, Field(ge=0, le=253_402_300_799_999)]


class _Channel(Foreign):
    team: _Name
    name: _Name
    display_name: str | None = None
    type: str = "O"
    header: str | None = None
    purpose: str | None = None
    deleted_at: int | None = None


class _ChannelOfUser(Foreign):
    name: _Name
    roles: str | None = None


class _TeamOfUser(Foreign):
    name: _Name
    channels: tuple[_ChannelOfUser, ...] | None = None


class _User(Foreign):
    username: _Name
    nickname: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    teams: tuple[_TeamOfUser, ...] | None = None


class _Reaction(Foreign):
    user: _Name
    emoji_name: str


class _Attachment(Foreign):
    path: str


class _Reply(Foreign):
    user: _Name
    message: str | None = None
    create_at: _Milliseconds
    edit_at: _Milliseconds | None = None
    reactions: tuple[_Reaction, ...] | None = None
    attachments: tuple[_Attachment, ...] | None = None
    is_pinned: bool = False


class _Post(_Reply):
    team: _Name
    channel: _Name
    type: str | None = None
    replies: tuple[_Reply, ...] | None = None


class _DirectChannel(Foreign):
    members: tuple[_Name, ...] | None = None
    participants: tuple["_Participant", ...] | None = None
    header: str | None = None

    def people(self) -> tuple[str, ...]:
        """Return who is in it; newer exports name them in another way."""
        return self.members or tuple(one.username for one in self.participants or ())


class _Participant(Foreign):
    username: _Name


class _DirectPost(_Reply):
    channel_members: tuple[_Name, ...]
    type: str | None = None
    replies: tuple[_Reply, ...] | None = None


class _Line(Foreign):
    type: str
    version: int | None = None
    channel: _Channel | None = None
    user: _User | None = None
    bot: _User | None = None
    post: _Post | None = None
    direct_channel: _DirectChannel | None = None
    direct_post: _DirectPost | None = None


_DirectChannel.model_rebuild()
_LINE: Final = TypeAdapter(_Line)


class MattermostExport:
    """Reads an export of Mattermost. ``skipped``: how much of what was left out so far."""

    source: str | None = None

    def __init__(self, path: Path, accounts: Mapping[str, str]) -> None:
        """``accounts``: ids of users of the portal, by Mattermost's names of users."""
        self.skipped: Counter[str] = Counter()
        self.contents = Contents()
        self._files: Attachments | None = None
        self._path = path
        self._accounts = accounts
        self._people: dict[str, SourcePerson] = {}

    def records(self) -> Iterator[Record]:
        """Yield all rooms, members and messages.

        Raises:
            TransferError: a line is not what it should be.
        """
        for number, (place, data) in enumerate(self._lines()):
            line = checked(_LINE, data, place)
            if number == 0 and (line.type != "version" or line.version != 1):
                raise TransferError(f"{place}: must be the version, which must be 1")
            yield from self._line(line, place)

    def _lines(self) -> Iterator[tuple[str, bytes]]:
        if self._path.suffix.lower() != ".zip" and self._path.is_file():
            try:
                file = self._path.open("rb")
            except OSError as error:
                raise TransferError(f"{self._path}: can't be read: {error.strerror}") from None
            self._files = Attachments.beside(self._path)
            with file:
                yield from lines_of(file, self._path.name)
            return
        with opened(self._path) as archive:
            names = [name for name in archive.names() if name.endswith(".jsonl") and "/" not in name]
            if len(names) != 1:
                raise TransferError(f"{self._path}: has {len(names)} files *.jsonl; it must have one")
            self._files = Attachments.of(archive)
            with archive.open(names[0]) as packed:
                yield from lines_of(packed, names[0])

    def _line(self, line: _Line, place: str) -> Iterator[Record]:
        match line.type:
            case "channel":
                yield from self._channel(_required(line.channel, "channel", place))
            case "user":
                yield from self._user(_required(line.user, "user", place))
            case "bot":
                self._add(_required(line.bot, "bot", place))
            case "post":
                post = _required(line.post, "post", place)
                yield from self._post(f"{post.team}/{post.channel}", post, post.type, post.replies)
            case "direct_channel":
                yield from self._direct(_required(line.direct_channel, "direct_channel", place))
            case "direct_post":
                direct = _required(line.direct_post, "direct_post", place)
                yield from self._post(_direct_id(direct.channel_members), direct, direct.type, direct.replies)
            case "version" | "team" | "scheme" | "role":
                pass
            case other:
                self.skipped[f"lines of the type {other[:40]}"] += 1

    def _channel(self, channel: _Channel) -> Iterator[Record]:
        found = FoundRoom(
            f"{channel.team}/{channel.name}",
            "public" if channel.type == "O" else "private",
            channel.display_name or channel.name,
            description=channel.purpose or channel.header,
            archived=bool(channel.deleted_at),
        )
        yield from found.records()

    def _user(self, user: _User) -> Iterator[Record]:
        person = self._add(user)
        for team in user.teams or ():
            for channel in team.channels or ():
                is_owner = "channel_admin" in (channel.roles or "")
                role = RoomRole.OWNER if is_owner else RoomRole.MEMBER
                member = SourceMember(person=person, role=role)
                yield SourceMembers(room=f"{team.name}/{channel.name}", members=(member,))

    def _direct(self, channel: _DirectChannel) -> Iterator[Record]:
        room = _direct_id(channel.people())
        members = [SourceMember(person=one) for one in people_of(map(self._find, channel.people()))]
        yield from FoundRoom(room, "direct", None, members, description=channel.header).records()

    def _post(
        self, room: str, post: _Reply, kind: str | None, replies: Iterable[_Reply] | None
    ) -> Iterator[Record]:
        if kind:
            self.skipped["notices"] += 1
            return
        root = _post_id(post)
        yield from self._message(room, root, post, None)
        for reply in sorted(replies or (), key=lambda one: one.create_at):
            yield from self._message(room, f"{root}/{_post_id(reply)}", reply, root)

    def _message(self, room: str, key: str, post: _Reply, thread: str | None) -> Iterator[Record]:
        files, text = [self._file(one.path) for one in post.attachments or ()], (post.message or "").strip()
        if not text and not files:
            self.skipped["empty messages"] += 1
            return
        edited_at = post.edit_at if post.edit_at and post.edit_at > post.create_at else None
        found = FoundMessage(
            room=room,
            id=key,
            person=self._find(post.user),
            text=text,
            timestamp=_moment(post.create_at),
            edited_at=None if edited_at is None else _moment(edited_at),
            thread=thread,
            reactions=tuple(self._reactions(post.reactions or ())),
            files=files,
        )
        yield from found.records(self.contents)
        if post.is_pinned:
            person, at = self._find(post.user), _moment(post.create_at)
            yield SourcePin(room=room, message=key, person=person, at=at)

    def _file(self, path: str) -> FoundFile:
        name = path.rpartition("/")[2]
        opener = None if self._files is None else self._files.find(path)
        if opener is None:
            self.skipped["files without content"] += 1
            return FoundFile(f"[{name}]")
        return FoundFile(f"[{name}]", content_of(opener, name))

    def _reactions(self, reactions: Iterable[_Reaction]) -> Iterator[SourceReaction]:
        for reaction in reactions:
            emoji = emoji_of(reaction.emoji_name)
            if emoji is None:
                self.skipped["custom reactions"] += 1
            else:
                yield SourceReaction(emoji=emoji, people=(self._find(reaction.user),))

    def _add(self, user: _User) -> SourcePerson:
        full = " ".join(part for part in (user.first_name, user.last_name) if part)
        name = (user.nickname or full or user.username)[:256]
        account = self._accounts.get(user.username)
        person = SourcePerson(id=user.username, name=name, account=account)
        self._people[user.username] = person
        return person

    def _find(self, username: str) -> SourcePerson:
        known = self._people.get(username)
        return known or SourcePerson(id=username, name=username, account=self._accounts.get(username))


def _required(value: ValueT | None, field: str, place: str) -> ValueT:
    if value is None:
        raise TransferError(f"{place}: {field}: is required")
    return value


def _direct_id(people: Iterable[str]) -> str:
    """Return the id of a direct channel: the export has none, and names the people instead."""
    joined = "\n".join(sorted(set(people)))
    return f"direct:{hashlib.sha256(joined.encode()).hexdigest()[:32]}"


def _post_id(post: _Reply) -> str:
    """Return the id of a post: the export has none, and says that author, time and text identify one."""
    text = f"{post.user}\n{post.create_at}\n{post.message or ''}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
