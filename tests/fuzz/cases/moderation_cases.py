"""Strategies for races of moderation: an admin acts while the user sends, connects and registers."""

from dataclasses import dataclass
from enum import StrEnum

from hypothesis import strategies as st


class Race(StrEnum):
    """What the admin does."""

    MUTE = "mute"
    BAN = "ban"
    REMOVE = "remove"
    LIFT = "lift"
    """Mute and lift at once, several times."""


@dataclass(frozen=True, slots=True)
class ModerationCase:
    """``pause``: seconds until the admin acts; ``after``: how many sends, hellos or retries follow each way
    once the admin has the reply; ``folded``: the admin gives the name in other letters.
    """

    kind: str
    race: Race
    pause: float
    after: int
    folded: bool


_LOOKALIKES = str.maketrans("abcdefghijklmnoprstuvwxyz", "ꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓫꓬꓜ")
"""Lisu letters that look like Latin capitals."""


def in_other_letters(name: str) -> str:
    """Return a name that counts as the same: in letters of another script, or else in capitals."""
    other = name.lower().translate(_LOOKALIKES)
    return other if not any("a" <= char <= "z" for char in other) else name.upper()


def race(chosen: Race) -> st.SearchStrategy[ModerationCase]:
    """Races of one kind."""
    return st.builds(
        ModerationCase,
        st.just(f"moderation races: {chosen}"),
        st.just(chosen),
        st.floats(0, 0.05),
        st.integers(1, 3),
        st.booleans(),
    )


MODERATION = tuple(race(chosen) for chosen in Race)
