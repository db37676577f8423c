"""What the events of the chat's stream come to: all messages of all rooms, as everybody must show them."""

from collections import defaultdict
from dataclasses import dataclass, field

from opsroom_contracts.chat.reads import UNREAD_MAX
from tests.faults.verification.history import ChatLife
from tests.faults.verification.stored_chat import EVERYBODY
from tests.faults.verification.stored_message import StoredMessage
from tests.faults.verification.team_history import ChangeKind, Shown


@dataclass(slots=True)
class FoldedRooms:
    """The messages that are neither removed nor expired, by their places.

    ``first``: the first sequence that the stream still has. What happened to messages before it may have
    expired, too.
    """

    first: int
    messages: dict[int, StoredMessage] = field(default_factory=dict)
    pinned: set[int] = field(default_factory=set)
    reactions: dict[int, dict[str, set[str]]] = field(default_factory=dict)
    replies: dict[str, set[int]] = field(default_factory=dict)
    """The places of the replies to each message, by its id."""

    def shown(self, place: int) -> Shown:
        """Return the message at ``place`` as a room or a thread shows it."""
        message = self.messages[place]
        text = f"{message.author}|{message.text}"
        if place < self.first:
            return Shown(text, files=message.files)
        found = self.reactions.get(place, {})
        return Shown(
            text,
            place in self.pinned,
            tuple(sorted((emoji, frozenset(users)) for emoji, users in found.items() if users)),
            message.files,
            len(self.replies.get(message.ident, ())),
        )

    def room(self, room: str) -> set[int]:
        """Return the places of the messages that a room shows."""
        return {place for place, one in self.messages.items() if one.room == room and not one.hidden}

    def thread(self, ident: str) -> set[int]:
        """Return the places of the replies to a message."""
        return self.replies.get(ident, set())

    def unread(self, room: str, user: str, read: int) -> tuple[int, int]:
        """Return how many messages of others are after ``read``, and how many of them mention ``user``."""
        unread = [
            one
            for place, one in self.messages.items()
            if one.room == room and not one.hidden and place > read and one.user != user
        ]
        mentions = [one for one in unread if one.mentions & {user, EVERYBODY}]
        return min(len(unread), UNREAD_MAX), min(len(mentions), UNREAD_MAX)


def fold(life: ChatLife) -> FoldedRooms:
    """Apply all events of a life of the stream."""
    found = FoldedRooms(life.firsts[-1][1] if life.firsts else 0)
    last: dict[int, int] = {}
    for message in life.messages:
        if message.removes is None:
            found.messages[message.seq], last[message.seq] = message, message.seq
    reactions: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for change in sorted(life.team.changes, key=lambda one: one.seq):
        if change.message is not None:
            found.messages[change.place], last[change.place] = change.message, change.seq
        elif change.kind is ChangeKind.REACTION:
            users = reactions[change.place][change.emoji]
            users.add(change.user) if change.on else users.discard(change.user)
        else:
            found.pinned.add(change.place) if change.on else found.pinned.discard(change.place)
    removed = {message.removes for message in life.messages if message.removes is not None}
    for place in [one for one in found.messages if one in removed or last[one] < found.first]:
        del found.messages[place]
    found.reactions = dict(reactions)
    for place, message in found.messages.items():
        if message.thread:
            found.replies.setdefault(message.thread, set()).add(place)
    return found
