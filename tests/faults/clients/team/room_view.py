"""What a device shows of its rooms: a page of history, and the events after it."""

from dataclasses import dataclass, field

from tests.faults.clients.http_client import Json
from tests.faults.verification.history import digest
from tests.faults.verification.team_history import RoomAtRest, Shown

_KEPT = 400
"""How many messages of a room are shown; those before are forgotten."""


@dataclass(slots=True)
class Line:
    """A message. ``reactions``: who reacts, by emoji."""

    place: int
    text: str
    files: tuple[str, ...]
    pinned: bool = False
    reactions: dict[str, set[str]] = field(default_factory=dict)

    def shown(self, replies: int | None = None) -> Shown:
        """Return it in the form in which it is recorded."""
        found = sorted((emoji, frozenset(users)) for emoji, users in self.reactions.items() if users)
        return Shown(self.text, self.pinned, tuple(found), self.files, replies)


def line_of(message: Json) -> Line:
    """Read a message of the history, or of a frame."""
    return Line(
        int(message["seq"]),
        f"{message['user']['name']}|{digest(message['text'])}",
        tuple(file["id"] for file in message.get("files", ())),
        bool(message.get("pinned")),
        {one["emoji"]: {user["id"] for user in one["users"]} for one in message.get("reactions", ())},
    )


def is_shown(message: Json) -> bool:
    """Whether the room shows a message; other replies are shown by their threads only."""
    return "thread" not in message or bool(message.get("broadcast"))


@dataclass(slots=True)
class _Room:
    """``since``: the first place that is shown. ``as_of``: the page had all events up to there.

    ``recent``: events while a page is being loaded.
    """

    since: int = 0
    as_of: int = 0
    loaded: bool = False
    lines: dict[str, Line] = field(default_factory=dict)
    early: dict[str, list[Json]] = field(default_factory=dict)
    recent: list[Json] = field(default_factory=list)


class RoomViews:
    """The rooms of one device. An event that a page has already changes nothing."""

    def __init__(self) -> None:
        self._rooms: dict[str, _Room] = {}

    @property
    def rooms(self) -> list[str]:
        """The rooms that are shown, or are being loaded."""
        return list(self._rooms)

    def needed(self, rooms: list[str]) -> list[str]:
        """Return those of ``rooms`` that have no page yet."""
        return [room for room in rooms if room not in self._rooms]

    def expect(self, room: str) -> None:
        """A page is being loaded: keep what happens until then."""
        self._rooms[room] = _Room()

    def load(self, room: str, page: Json) -> None:
        """Show a page, and apply the events after it."""
        known = self._rooms.get(room)
        if known is None:
            return
        messages = page["messages"]
        known.since = int(messages[0]["seq"]) if messages and "next" in page else 0
        known.lines = {one["id"]: line_of(one) for one in messages}
        known.loaded, known.as_of = True, int(page["asOf"])
        recent, known.recent = known.recent, []
        for frame in recent:
            self.apply(frame)

    def drop(self, room: str) -> None:
        """Forget a room that the user has left, or that could not be loaded."""
        self._rooms.pop(room, None)

    def clear(self) -> None:
        """Forget everything, after a reset."""
        self._rooms.clear()

    def apply(self, frame: Json) -> None:
        """Apply an event."""
        known = self._rooms.get(frame["room"])
        if known is None:
            return
        if not known.loaded:
            known.recent.append(frame)
            return
        if int(frame["seq"]) > known.as_of:
            self._apply(known, frame)
        if len(known.lines) > 2 * _KEPT:
            kept = sorted(known.lines, key=lambda ident: known.lines[ident].place)[-_KEPT:]
            known.lines = {ident: known.lines[ident] for ident in kept}
            known.since = known.lines[kept[0]].place

    def _apply(self, known: _Room, frame: Json) -> None:
        match frame["type"]:
            case "message" if is_shown(frame):
                known.lines.setdefault(frame["id"], line_of(frame))
            case "removed":
                known.lines.pop(frame["id"], None)
                known.early.pop(frame["id"], None)
            case "edited" if is_shown(frame["message"]):
                self._edit(known, frame["message"])
            case "reaction" | "pinned":
                self._change(known, frame)

    def _edit(self, known: _Room, message: Json) -> None:
        before, line = known.lines.get(message["id"]), line_of(message)
        if before is not None:
            before.text = line.text
            return
        if line.place < known.since:
            return
        known.lines[message["id"]] = line
        for frame in known.early.pop(message["id"], ()):
            self._change(known, frame)

    def _change(self, known: _Room, frame: Json) -> None:
        line = known.lines.get(frame["id"])
        if line is None:
            known.early.setdefault(frame["id"], []).append(frame)
        elif frame["type"] == "pinned":
            line.pinned = frame["on"]
        else:
            users = line.reactions.setdefault(frame["emoji"], set())
            users.add(frame["user"]["id"]) if frame["on"] else users.discard(frame["user"]["id"])

    def at_rest(self, who: str) -> list[RoomAtRest]:
        """Return what is shown."""
        return [
            RoomAtRest(
                who, room, {line.place: line.shown() for line in known.lines.values()}, since=known.since
            )
            for room, known in self._rooms.items()
            if known.loaded
        ]
