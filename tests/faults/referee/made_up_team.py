"""Correct histories of a team at random: rooms with members, changed messages, files, read positions."""

import random
from dataclasses import dataclass, field, replace
from math import inf

from tests.faults.nemesis.plan import FaultKind
from tests.faults.referee.made_up import BEGIN, END
from tests.faults.rules.messages import content_of
from tests.faults.rules.team import changes
from tests.faults.verification.history import (
    ChatRecord,
    History,
    HistoryPage,
    Outage,
    Removal,
    Sent,
    digest,
    shown_options,
)
from tests.faults.verification.readers import Reader, Segment
from tests.faults.verification.stored_message import StoredMessage
from tests.faults.verification.team_history import (
    ChangeKind,
    Download,
    Found,
    Glimpse,
    MemberList,
    MembershipChange,
    ReadAtRest,
    RoomAtRest,
    SentFile,
    Shown,
    Stay,
    StoredChange,
    Wish,
)

ROOM = "r-" + "a" * 24
MEMBERS = ("ann", "bob", "cid")
OUTSIDER = "dan"
PEOPLE = (*MEMBERS, OUTSIDER)
GUEST = "cid"
"""Comes and goes; ann and bob stay."""
EMOJI = ("👍", "🎉")
_STEPS = 120
_OUTAGES = (FaultKind.GATEWAY_KILL, FaultKind.CHAT_KILL_ALL, FaultKind.BROKER_KILL)


@dataclass(slots=True)
class _Post:
    """A message as it is now. ``version``: the number of its text."""

    message: StoredMessage
    author: str
    seq: int
    version: int = 0
    gone: bool = False
    pinned: bool = False
    reactions: dict[str, set[str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Maker:
    history: History
    rng: random.Random
    at: float = BEGIN
    seq: int = 0
    members: int = 10
    posts: list[_Post] = field(default_factory=list)

    def members_of(self, room: str) -> list[str]:
        stays = self.history.chat.team.roster.stays
        return [stay.user for stay in stays if stay.room == room and stay.left == inf]

    def join(self, user: str) -> None:
        roster = self.history.chat.team.roster
        self.members += 1
        roster.stays.append(Stay(user, ROOM, self.members, self.at))
        roster.changes.append(MembershipChange(user, ROOM, True, self.at - 0.2, self.at + 0.2))

    def leave(self, user: str) -> None:
        roster = self.history.chat.team.roster
        self.members += 1
        stay = next(one for one in roster.stays if one.user == user and one.left == inf)
        stay.end, stay.left = self.members, self.at
        roster.changes.append(MembershipChange(user, ROOM, False, self.at - 0.2, self.at + 0.2))

    def run(self) -> None:
        """Let everybody do something every few seconds."""
        for user in MEMBERS:
            self.join(user)
        for step in range(_STEPS):
            self.at += self.rng.uniform(2.0, 5.0)
            if step % 15 == 14:
                is_in = GUEST in self.members_of(ROOM)
                self.leave(GUEST) if is_in else self.join(GUEST)
                self.at += 1.0
            room = self.rng.choice(("general", ROOM))
            there = list(PEOPLE) if room == "general" else self.members_of(ROOM)
            draw, user = self.rng.random(), self.rng.choice(there)
            posts = [one for one in self.posts[-10:] if one.message.room == room and not one.gone]
            own = [one for one in posts if one.author == user]
            if draw < 0.45 or not posts or step < 20:
                self.say(room, user, self.rng.choice(posts) if posts and draw < 0.1 else None)
            elif draw < 0.6 and own:
                self.edit(self.rng.choice(own))
            elif draw < 0.65 and own:
                self.delete(self.rng.choice(own))
            elif draw < 0.9:
                self.react(self.rng.choice(posts), user)
            else:
                self.pin(self.rng.choice(posts), user)
            self.glimpse()

    def say(self, room: str, user: str, root: _Post | None) -> None:
        number, life = len(self.posts), self.history.chat
        self.seq += self.rng.randint(1, 3)
        key = f"{user}.{number}"
        thread = "" if root is None or root.message.thread else root.message.ident
        files = (f"f{number}",) if number % 5 == 0 else ()
        message = StoredMessage(
            self.seq,
            key,
            self.at,
            room,
            user,
            digest(f"{key} 0"),
            user=user,
            ident=f"m{number}",
            members=self.members if room == ROOM else 0,
            thread=thread,
            hidden=bool(thread) and number % 2 == 0,
            files=files,
            mentions=frozenset({"bob"}) if number % 3 == 0 else frozenset(),
        )
        self.history.sent[key] = Sent(room, user, message.text, shown_options(thread, files))
        life.messages.append(message)
        life.acks.append((key, self.seq))
        self.posts.append(_Post(message, user, self.seq))
        for ident in files:
            life.team.files.append(SentFile(ident, room, key, f"bytes of {ident}"))

    def edit(self, post: _Post) -> None:
        self.seq += 1
        post.version += 1
        key, text = post.message.key, digest(f"{post.message.key} {post.version}")
        message = replace(post.message, text=text, at=self.at)
        team, place = self.history.chat.team, post.message.seq
        team.changes.append(
            StoredChange(
                self.seq,
                ChangeKind.EDITED,
                place,
                message.room,
                post.author,
                self.at,
                self.members if message.room == ROOM else 0,
                message,
                replaced=post.seq,
            )
        )
        team.wishes.append(
            Wish(
                ChangeKind.EDITED,
                place,
                message.room,
                post.author,
                self.at - 0.1,
                self.at + 0.1,
                self.seq,
                key=key,
                number=post.version,
                text=text,
            )
        )
        post.message, post.seq = message, self.seq

    def delete(self, post: _Post) -> None:
        life, message = self.history.chat, post.message
        self.seq += 1
        post.gone = True
        life.messages.append(
            StoredMessage(
                self.seq, message.key, self.at, message.room, removes=message.seq, members=message.members
            )
        )
        life.removals.append(Removal(message.seq, message.key, self.at - 0.1, self.at + 0.1, message.ident))

    def react(self, post: _Post, user: str) -> None:
        emoji = self.rng.choice(EMOJI)
        users = post.reactions.setdefault(emoji, set())
        on = user not in users
        users.add(user) if on else users.discard(user)
        self._toggle(ChangeKind.REACTION, post, user, emoji, len(users), on=on)

    def pin(self, post: _Post, user: str) -> None:
        post.pinned = not post.pinned
        self._toggle(ChangeKind.PINNED, post, user, "", 0, on=post.pinned)

    def _toggle(self, kind: ChangeKind, post: _Post, user: str, emoji: str, count: int, *, on: bool) -> None:
        self.seq += 1
        team, place, room = self.history.chat.team, post.message.seq, post.message.room
        members = self.members if room == ROOM else 0
        team.changes.append(
            StoredChange(self.seq, kind, place, room, user, self.at, members, emoji=emoji, on=on, count=count)
        )
        asked, done = self.at - 0.1, self.at + 0.1
        team.wishes.append(Wish(kind, place, room, user, asked, done, self.seq, emoji=emoji, on=on))

    def glimpse(self) -> None:
        user, roster = self.rng.choice(PEOPLE), self.history.chat.team.roster
        let_in = user in self.members_of(ROOM)
        roster.glimpses.append(Glimpse(user, ROOM, "history", self.at + 0.3, self.at + 0.4, let_in))

    # -- what readers get, and what there is at rest

    def read(self) -> None:
        """Let everybody follow, with interruptions, and compare at the end."""
        life = self.history.chat
        events = life.events()
        for event in events:
            shown = content_of(event) if isinstance(event, StoredMessage) else changes.content_of(event)
            life.contents[event.seq] = shown
        for name in PEOPLE:
            life.readers.append(self._reader(name, events))
        self.rest()

    def _reader(self, name: str, events: list[ChatRecord]) -> Reader:
        reader = Reader(name, stayed=True)
        cuts = sorted(self.rng.uniform(BEGIN, self.at) for _ in range(3))
        opened, after = BEGIN + 0.5, 0
        gone = {one.seq for one in self.history.chat.removals}
        for closed in (*cuts, END + 30):
            segment = Segment(
                after, fresh=not reader.segments, where="g1", opened=opened, closed=closed, user=name
            )
            for event in events:
                if event.seq <= after or event.at >= closed - 0.1:
                    continue
                is_late = event.at < opened
                if is_late and (event.seq in gone or self._is_replaced(event.seq, opened)):
                    continue
                if event.room == ROOM and not self._is_in(name, max(event.at, opened)):
                    continue
                segment.seqs.append(event.seq)
                segment.arrivals.arrived(event.seq, opened if is_late else event.at + 0.05)
            reader.segments.append(segment)
            opened, after = closed + self.rng.uniform(0.1, 1.0), segment.last
        return reader

    def _is_replaced(self, seq: int, at: float) -> bool:
        team = self.history.chat.team
        return any(one.replaced == seq and one.at < at for one in team.changes)

    def _is_in(self, name: str, at: float) -> bool:
        stays = self.history.chat.team.roster.stays
        return any(one.user == name and one.at <= at < one.left for one in stays)

    def rest(self) -> None:
        """Show everything at the end, by two gateways and two devices of each person."""
        life = self.history.chat
        team, there = life.team, [one for one in self.posts if not one.gone]
        life.pages.append(
            HistoryPage(
                "general",
                END + 20,
                {
                    one.message.seq: content_of(one.message)
                    for one in there
                    if one.message.room == "general" and not one.message.hidden
                },
            )
        )
        for who in ("g1", "ann (1)"):
            for room in ("general", ROOM):
                shown = {
                    one.message.seq: self._shown(one, who)
                    for one in there
                    if one.message.room == room and not one.message.hidden
                }
                team.rest.append(RoomAtRest(who, room, shown))
        self._rest_of_threads(there)
        self._rest_of_files()
        for name in MEMBERS[:2]:
            self._rest_of_reads(name, there)
        for post in there[:10]:
            message = post.message
            for user in (MEMBERS[0], OUTSIDER):
                may_read = message.room != ROOM or user != OUTSIDER
                team.found.append(Found(user, message.room, message.seq, message.text, may_read, may_read))
        team.roster.lists.append(MemberList(ROOM, "g1", frozenset(self.members_of(ROOM))))

    def _shown(self, post: _Post, who: str) -> Shown:
        message = post.message
        found = sorted((emoji, frozenset(users)) for emoji, users in post.reactions.items() if users)
        replies = sum(one.message.thread == message.ident and not one.gone for one in self.posts)
        text = f"{message.author}|{message.text}"
        return Shown(text, post.pinned, tuple(found), message.files, replies if who == "g1" else None)

    def _rest_of_threads(self, there: list[_Post]) -> None:
        for root in there:
            ident = root.message.ident
            replies = {one.message.seq: self._shown(one, "") for one in there if one.message.thread == ident}
            if replies:
                self.history.chat.team.rest.append(RoomAtRest("g1", root.message.room, replies, thread=ident))

    def _rest_of_files(self) -> None:
        team = self.history.chat.team
        gone = {one.message.key for one in self.posts if one.gone}
        for file in team.files:
            found = "" if file.key in gone else file.digest
            team.downloads.append(Download(file.ident, "ann", END, END + 0.1, found, at_rest=True))

    def _rest_of_reads(self, name: str, there: list[_Post]) -> None:
        team = self.history.chat.team
        for room in ("general", ROOM):
            read = self.posts[len(self.posts) // 2].message.seq
            later = [
                one.message
                for one in there
                if one.message.room == room
                and not one.message.hidden
                and one.message.seq > read
                and one.author != name
            ]
            mentions = sum(name in one.mentions for one in later)
            team.positions[name, room] = read
            for who in (f"{name} (1)", f"{name} (2)", "g1"):
                team.reads.append(ReadAtRest(who, name, room, read, len(later), mentions))


def team_history(seed: int) -> History:
    """Return a correct history of a team."""
    history = History(1.0, began=BEGIN, ended=END)
    maker = _Maker(history, random.Random(seed))
    for number in range(10):
        start = BEGIN + 60 * number
        kind = maker.rng.choice(_OUTAGES)
        where = "g1" if kind.value.startswith("gateway") else ""
        history.outages.append(Outage(kind.value, start, start + 1.0, 5.0, where))
    maker.run()
    maker.read()
    return history
