"""Made-up messages in two languages, whose words are as frequent as in real ones."""

import random
from itertools import accumulate

_WORDS = 40_000
_LANGUAGES = (
    ("bcdfghklmnprstvw", "aeiou", ("", "", "s", "ing", "ed", "er", "ly")),
    ("бвгдзклмнпрстч", "аеиоуы", ("", "а", "ов", "ами", "ить", "ила", "ого", "ый")),
)
_LENGTHS = (3, 25)
"""Words of a message, from and to."""


class ChatTexts:
    """Texts by their numbers: the same number always has the same text.

    Attributes:
        vocabularies: the words of each language, the most frequent first.
    """

    def __init__(self) -> None:
        self.vocabularies = tuple(_vocabulary(*language) for language in _LANGUAGES)
        # Zipf: the second word is half as frequent as the first, and so on.
        self._weights = tuple(accumulate(1 / (place + 2) for place in range(_WORDS)))

    def text(self, number: int) -> str:
        """Return the text of a message."""
        chance = random.Random(number)
        words = self.vocabularies[number % len(self.vocabularies)]
        return " ".join(chance.choices(words, cum_weights=self._weights, k=chance.randint(*_LENGTHS)))

    def words(self, number: int, count: int) -> list[str]:
        """Return words of one language, as frequent ones as those of messages."""
        chance = random.Random(-1 - number)
        words = self.vocabularies[number % len(self.vocabularies)]
        return chance.choices(words, cum_weights=self._weights, k=count)


def _vocabulary(consonants: str, vowels: str, endings: tuple[str, ...]) -> list[str]:
    chance = random.Random(consonants)
    found: dict[str, None] = {}
    while len(found) < _WORDS:
        syllables = (chance.choice(consonants) + chance.choice(vowels) for _ in range(chance.randint(1, 4)))
        found["".join(syllables) + chance.choice(consonants) + chance.choice(endings)] = None
    return list(found)
