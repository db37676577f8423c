"""Strategies for rooms: people join, leave, invite, remove, write, edit, react and pin at the same time."""

from dataclasses import dataclass
from enum import StrEnum

from hypothesis import strategies as st


class RoomRace(StrEnum):
    """What the people of a room do at once."""

    REMOVAL = "removal"
    """The owner removes a member, who goes on to write, read, and resume."""
    MEMBERS = "members"
    """Everybody joins, leaves, invites, removes, renames and archives."""
    MESSAGES = "messages"
    """Everybody writes, edits, reacts, pins, replies and deletes."""


@dataclass(frozen=True, slots=True)
class RoomStep:
    """``whom``: the number of a person, or of a message from the last one on. ``text``: what is written.

    ``gateway``: the one that the request is sent to.
    """

    action: str
    whom: int
    gateway: int
    text: str


@dataclass(frozen=True, slots=True)
class RoomCase:
    """``programs``: what each person does. ``pause``: seconds until a removal; ``after``: how many attempts
    of each kind follow it.
    """

    kind: str
    race: RoomRace
    private: bool
    programs: tuple[tuple[RoomStep, ...], ...] = ()
    pause: float = 0.0
    after: int = 1


PEOPLE = 4
MEMBER_ACTIONS = ("join", "leave", "invite", "remove", "rename", "archive", "open", "send", "members")
MESSAGE_ACTIONS = (
    "send",
    "reply",
    "broadcast",
    "edit",
    "delete",
    "react",
    "react",
    "unreact",
    "pin",
    "unpin",
)
_TEXTS = st.sampled_from(
    (
        *("hi", "a\nb", "*b* _i_ `c`", "", " ", "\u200b", "x" * 4000, "x" * 4001),
        *("\N{THUMBS UP SIGN}", "\u2764", "\u2764\ufe0f", "\N{PARTY POPPER}", "@room", "@here", "\u202e"),
    )
)


def _steps(actions: tuple[str, ...]) -> st.SearchStrategy[RoomStep]:
    return st.builds(
        RoomStep, st.sampled_from(actions), st.integers(0, PEOPLE - 1), st.integers(0, 1), _TEXTS
    )


def _programs(actions: tuple[str, ...]) -> st.SearchStrategy[tuple[tuple[RoomStep, ...], ...]]:
    program = st.lists(_steps(actions), min_size=3, max_size=10).map(tuple)
    return st.lists(program, min_size=PEOPLE, max_size=PEOPLE).map(tuple)


def room_race(chosen: RoomRace) -> st.SearchStrategy[RoomCase]:
    """Races of one kind."""
    kind = st.just(f"room races: {chosen}")
    if chosen is RoomRace.REMOVAL:
        return st.builds(
            RoomCase, kind, st.just(chosen), st.booleans(), st.just(()), st.floats(0, 0.05), st.integers(1, 3)
        )
    actions = MEMBER_ACTIONS if chosen is RoomRace.MEMBERS else MESSAGE_ACTIONS
    return st.builds(RoomCase, kind, st.just(chosen), st.booleans(), _programs(actions))


ROOMS = tuple(room_race(chosen) for chosen in RoomRace)
