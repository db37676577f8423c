"""The texts of messages: made from their keys, so that whole texts can be compared."""

import hashlib

PAD = "x" * 80
LONG = 4000
"""The longest text that a message may have, in characters."""
ROOMS = ("general", "ops")
LABELS = (("approval", "yes"),)
"""The labels of servers whose commands must be approved."""
POLICY = "start,stop,restart,rm label:approval=yes need=1 role=operator expires=6s"
"""The policy of the cloud processes of a run."""
_PARTS = (
    "naïve café",
    "Привет, мир",
    "日本語のテキスト",
    "🚀👩‍👩‍👧‍👦",
    'say "x\\y"',
    "مرحبا",
    "a\tb\nc",
    "e\u0301",
)


def _number(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big")


def room_of(key: str) -> str:
    """Return the room of the message ``key``: a fifth of them go to the second one."""
    return ROOMS[_number(key) % 5 == 0]


def text_of(key: str) -> str:
    """Return the text of the message ``key``: mostly plain, some in other scripts, a few very long."""
    number = _number(key) // 5
    if number % 16:
        return f"{key} {PAD}"
    parts = " ".join(_PARTS[(number // 16 + place) % len(_PARTS)] for place in range(number // 128 % 6 + 1))
    if number // 16 % 24:
        return f"{key} {parts}"
    return f"{key} {(parts + ' ') * LONG}"[: LONG - 1] + "."


def key_of(text: str) -> str:
    """Return the key of a text."""
    return text.partition(" ")[0]


def word_of(key: str, number: int) -> str:
    """Return a word that only text ``number`` of the message ``key`` has, for searches."""
    return "w" + hashlib.blake2b(f"{key}/{number}".encode(), digest_size=6).hexdigest()


def team_text(key: str, number: int, mention: str = "") -> str:
    """Return text ``number`` of a team's message: 0 is the first, and each edit has the next one."""
    words = text_of(key).partition(" ")[2][: LONG - 200]
    return f"{key} {word_of(key, number)} {mention}{words}"
