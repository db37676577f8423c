"""Slack's export: a zip file with lists of users and channels, and a file for each day of each channel.

https://slack.com/help/articles/220556107-How-to-read-Slack-data-exports describes it. Files are not in it,
only links to them, which are kept as links; the access token that Slack adds to them is removed. If another
program has put the files into ``__uploads``, as they are for Mattermost's import, they are imported.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, TypeAdapter

from opsroom_client.transfer.attachments import uploads
from opsroom_client.transfer.contents import Contents, FoundFile, content_of
from opsroom_client.transfer.emoji import emoji_of
from opsroom_client.transfer.reading import Archive, Foreign, TransferError, read_json
from opsroom_client.transfer.records import FoundMessage, FoundRoom, Record, people_of
from opsroom_contracts.chat.imports import (
    SourceMember,
    SourceMessage,
    SourcePerson,
    SourcePin,
    SourceReaction,
)
from opsroom_contracts.text.slack import to_markdown

_ORDINARY: Final = frozenset({"thread_broadcast", "bot_message", "me_message", "file_share", "file_comment"})
"""Subtypes of messages that people and bots wrote. All others are notices, such as that somebody joined."""

_PIN_MAX: Final = 128
_Id = Annotated[str, Field(min_length=1, max_length=100)]
_Seconds = Annotated[str, Field(pattern=r"^\d{1,10}(\.\d{1,9})?$")]


class _Profile(Foreign):
    display_name: str | None = None
    real_name: str | None = None


class _User(Foreign):
    id: _Id
    team_id: str | None = None
    name: str | None = None
    real_name: str | None = None
    profile: _Profile = _Profile()


class _Note(Foreign):
    value: str | None = None


class _Pin(Foreign):
    id: str
    type: str = "C"
    user: _Id | None = None
    created: Annotated[int, Field(ge=0, le=2**33)] | None = None


class _Channel(Foreign):
    id: _Id
    name: str | None = None
    created: Annotated[int, Field(ge=0, le=2**33)] | None = None
    is_archived: bool = False
    members: tuple[_Id, ...] = ()
    topic: _Note = _Note()
    purpose: _Note = _Note()
    pins: tuple[_Pin, ...] = ()


class _Reaction(Foreign):
    name: str
    users: tuple[_Id, ...] = ()


class _File(Foreign):
    id: str | None = None
    mimetype: str | None = None
    name: str | None = None
    title: str | None = None
    url_private: str | None = None


class _Attachment(Foreign):
    text: str | None = None
    fallback: str | None = None


class _Edited(Foreign):
    ts: _Seconds


class _Message(Foreign):
    type: str = "message"
    subtype: str | None = None
    user: _Id | None = None
    bot_id: _Id | None = None
    username: str | None = None
    text: str | None = None
    ts: _Seconds
    thread_ts: _Seconds | None = None
    edited: _Edited | None = None
    reactions: tuple[_Reaction, ...] = ()
    files: tuple[_File | None, ...] = ()
    attachments: tuple[_Attachment, ...] = ()


_USERS: Final = TypeAdapter(list[_User])
_CHANNELS: Final = TypeAdapter(list[_Channel])
_MESSAGES: Final = TypeAdapter(list[_Message])
_Kind = Literal["public", "private", "direct"]
_LISTS: Final[tuple[tuple[str, _Kind], ...]] = (
    ("channels.json", "public"),
    ("groups.json", "private"),
    ("mpims.json", "direct"),
    ("dms.json", "direct"),
)


class SlackExport:
    """Reads an export of Slack. ``skipped``: how much of what was left out so far."""

    def __init__(self, archive: Archive, accounts: Mapping[str, str]) -> None:
        """``accounts``: ids of users of the portal, by Slack's ids or names of users.

        Raises:
            TransferError: it is not an export of Slack.
        """
        self.skipped: Counter[str] = Counter()
        self.contents = Contents()
        self._archive = archive
        self._accounts = accounts
        names = archive.names()
        lists = [name for name in names if name.rpartition("/")[2] == "channels.json"]
        if not lists:
            raise TransferError("there is no channels.json: this is not an export of Slack")
        self._root = min(lists, key=len).removesuffix("channels.json")
        self._days = _by_folder(names, self._root)
        self._uploads = uploads(names, self._root)
        listed = f"{self._root}users.json"
        users = read_json(archive, listed, _USERS) if listed in names else []
        self._team = next((user.team_id for user in users if user.team_id), None)
        self._people = {user.id: self._person(user) for user in users}
        self._names = {user_id: person.name for user_id, person in self._people.items()}
        self._channels: dict[str, str] = {}

    @property
    def source(self) -> str | None:
        """The name of the source: that of the workspace's id, if it is known."""
        return None if self._team is None else f"slack.{self._team.lower()}"

    def records(self) -> Iterator[Record]:
        """Yield all rooms, each with its members and messages.

        Raises:
            TransferError: a file is not what it should be.
        """
        rooms = [(kind, channel) for name, kind in _LISTS for channel in self._list(name)]
        self._channels = {channel.id: channel.name for _, channel in rooms if channel.name}
        for kind, channel in rooms:
            yield from self._room(kind, channel)
            for day in self._days.get(channel.name or "", []) or self._days.get(channel.id, []):
                messages = read_json(self._archive, day, _MESSAGES)
                for message in sorted(messages, key=lambda one: float(one.ts)):
                    yield from self._message(channel.id, message, day)
            yield from self._pins(channel)

    def _list(self, name: str) -> list[_Channel]:
        path = f"{self._root}{name}"
        return read_json(self._archive, path, _CHANNELS) if path in self._archive.names() else []

    def _room(self, kind: _Kind, channel: _Channel) -> Iterator[Record]:
        members = [SourceMember(person=one) for one in people_of(map(self._find, channel.members))]
        found = FoundRoom(
            channel.id,
            kind,
            channel.name if kind != "direct" else None,
            members,
            description=channel.purpose.value or channel.topic.value,
            archived=channel.is_archived,
            created_at=None if channel.created is None else datetime.fromtimestamp(channel.created, UTC),
        )
        yield from found.records()

    def _message(self, room: str, message: _Message, place: str) -> Iterator[SourceMessage]:
        if message.type != "message" or message.subtype not in {None, *_ORDINARY}:
            self.skipped["notices"] += 1
            return
        text, files = self._text(message), [self._file(one) for one in message.files if one is not None]
        if not text.strip() and not files:
            self.skipped["empty messages"] += 1
            return
        is_reply = message.thread_ts is not None and message.thread_ts != message.ts
        found = FoundMessage(
            room=room,
            id=message.ts,
            person=self._author(message),
            text=text,
            timestamp=_moment(message.ts, place),
            edited_at=None if message.edited is None else _moment(message.edited.ts, place),
            thread=message.thread_ts if is_reply else None,
            broadcast=message.subtype == "thread_broadcast",
            reactions=tuple(self._reactions(message.reactions)),
            files=files,
        )
        yield from found.records(self.contents)

    def _pins(self, channel: _Channel) -> Iterator[SourcePin]:
        """Yield the pinned messages of a channel, the oldest pin first. Pinned files are no messages."""
        for pin in sorted(channel.pins, key=lambda one: one.created or 0):
            if pin.type != "C" or pin.created is None:
                self.skipped["pinned files"] += 1
                continue
            person = self._find(pin.user) if pin.user is not None else SourcePerson(id="slack", name="slack")
            at = datetime.fromtimestamp(pin.created, UTC)
            yield SourcePin(room=channel.id, message=pin.id[:_PIN_MAX], person=person, at=at)

    def _file(self, file: _File) -> FoundFile:
        """Return a file: with its content if the export was completed with it, else with Slack's link."""
        name = file.title or file.name or "file"
        path = self._uploads.get(file.id or "")
        shown = f"[{name}]"
        if file.url_private is not None:
            label = name.replace("[", "(").replace("]", ")")
            shown = f"[{label}]({_without_token(file.url_private)})"
        if path is None:
            self.skipped["files without content"] += 1
            return FoundFile(shown)
        kept = file.name or path.rpartition("/")[2]
        content = content_of(partial(self._archive.open, path), kept, kind=file.mimetype or "")
        return FoundFile(shown, content)

    def _text(self, message: _Message) -> str:
        lines = [to_markdown(message.text or "", self._names, self._channels)]
        if not lines[0].strip():
            found = (one.text or one.fallback or "" for one in message.attachments)
            lines = [to_markdown(text, self._names, self._channels) for text in found]
        return "\n".join(line for line in lines if line.strip())

    def _author(self, message: _Message) -> SourcePerson:
        if message.user is not None:
            return self._find(message.user)
        name = message.username or "bot"
        return self._with_account(SourcePerson(id=f"bot:{message.bot_id or name}"[:128], name=name[:256]))

    def _reactions(self, reactions: Iterable[_Reaction]) -> Iterator[SourceReaction]:
        for reaction in reactions:
            emoji, people = emoji_of(reaction.name), people_of(map(self._find, reaction.users))
            if emoji is None or not people:
                self.skipped["custom reactions"] += 1
            else:
                yield SourceReaction(emoji=emoji, people=tuple(people))

    def _find(self, user_id: str) -> SourcePerson:
        known = self._people.get(user_id)
        return known or self._with_account(SourcePerson(id=user_id, name=user_id))

    def _person(self, user: _User) -> SourcePerson:
        name = user.profile.display_name or user.real_name or user.profile.real_name or user.name or user.id
        account = self._accounts.get(user.id) or self._accounts.get(user.name or "")
        return SourcePerson(id=user.id, name=name[:256], account=account)

    def _with_account(self, person: SourcePerson) -> SourcePerson:
        return person.model_copy(update={"account": self._accounts.get(person.id)})


def _by_folder(names: Iterable[str], root: str) -> dict[str, list[str]]:
    """Return the files of each channel's folder, in the order of their days."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        folder, slash, file = name.removeprefix(root).rpartition("/")
        if slash and file.endswith(".json"):
            found[folder].append(name)
    return {folder: sorted(days) for folder, days in found.items()}


def _moment(seconds: str, place: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        raise TransferError(f"{place}: ts: {seconds} is not a time") from None


def _without_token(url: str) -> str:
    """Return a link without the query, in which Slack puts a token that reads all files of the workspace."""
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    except ValueError:
        return url.partition("?")[0]
