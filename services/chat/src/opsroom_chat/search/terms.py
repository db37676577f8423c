"""What the index holds of a message: the stems of its words, and tags for its room, author and links."""

import re
from functools import lru_cache
from typing import Final, Protocol

from Stemmer import Stemmer

from opsroom_contracts.chat.models import Message, User
from opsroom_contracts.search.query import Has, Phrase, SearchQuery
from opsroom_contracts.search.words import fold, words_of, written_words
from opsroom_contracts.text import stored_form

TAG: Final = "¤"
"""Begins each tag; no word has it, so that no query can name a tag."""
PUBLIC_TAG: Final = f"{TAG}p"
"""Of messages in rooms that everybody may read."""
_PREFIX_MIN = 3
"""Shorter beginnings of words are taken as whole words: they would match a large part of all messages."""
_CACHED_STEMS = 20_000
_LATIN: Final = re.compile("[a-z]+")
_CYRILLIC: Final = re.compile("[а-я]+")
_LINK: Final = re.compile(r"https?://[^\s/]", re.IGNORECASE)


class _Stems(Protocol):
    def stemWord(self, word: str) -> str:  # noqa: N802  # PyStemmer's name
        """Return the stem of a word."""
        ...


class Stems:
    """Stems of words, by their script: of Russian or English words. Others, with digits too, stay."""

    def __init__(self) -> None:
        # Both would cache forms themselves, and this cache is in front of both.
        self._russian: _Stems = Stemmer("russian", 0)
        self._english: _Stems = Stemmer("english", 0)
        self.of = lru_cache(_CACHED_STEMS)(self._stem)
        self._of_written = lru_cache(_CACHED_STEMS)(self._stem_of_written)

    def _stem(self, word: str) -> str:
        """Return the stem of a word that is folded."""
        if _CYRILLIC.fullmatch(word):
            return self._russian.stemWord(word)
        if _LATIN.fullmatch(word):
            return self._english.stemWord(word)
        return word

    def text(self, text: str) -> str:
        """Return the stems of the words of ``text`` in their order, separated by spaces."""
        return " ".join(filter(None, map(self._of_written, written_words(text))))

    def _stem_of_written(self, word: str) -> str:
        return self._stem(fold(word))


def author_key(name: str) -> str:
    """Return the form in which names of authors are compared."""
    return " ".join(words_of(name)) or stored_form(name)


def is_author(user: User, wanted: str) -> bool:
    """Whether a filter, which has an id or a name, means this author."""
    return user.id == wanted or author_key(user.name) == author_key(wanted)


def has(message: Message) -> frozenset[Has]:
    """Return what a message has."""
    files = message.files or ()
    found = {
        Has.LINK: _LINK.search(message.text) is not None,
        Has.FILE: bool(files),
        Has.IMAGE: any(file.type.startswith("image/") for file in files),
    }
    return frozenset(one for one, is_there in found.items() if is_there)


def room_tag(number: int) -> str:
    """Return the tag of the messages of a room, by its number in the index."""
    return f"{TAG}r{number}"


def author_tag(number: int) -> str:
    """Return the tag of the messages of an author, by their number in the index."""
    return f"{TAG}a{number}"


def has_tag(wanted: Has) -> str:
    """Return the tag of the messages that have something."""
    return f"{TAG}{wanted.value}"


def content_of(message: Message, stems: Stems) -> str:
    """Return tags of what a message has, the stems of its text, and those of the names of its files."""
    names = (file.name for file in message.files or ())
    return " ".join([*map(has_tag, sorted(has(message))), *map(stems.text, (message.text, *names))])


def words_expression(query: SearchQuery, stems: Stems) -> list[str]:
    """Return expressions of FTS5 that must all match: words and ``has``.

    They are made of quoted letters and digits only, so no text of a query is ever syntax.
    """
    return [
        *(_phrase(phrase, stems) for phrase in query.phrases),
        *(f'"{has_tag(one)}"' for one in query.has),
    ]


def any_of(tags: list[str]) -> str:
    """Return the expression that one of ``tags``, at least one, matches."""
    return "(" + " OR ".join(f'"{tag}"' for tag in tags) + ")"


def is_beginning(phrase: Phrase) -> bool:
    """Whether the last word of ``phrase`` is searched as the beginning of a word."""
    return phrase.is_prefix and len(phrase.words[-1]) >= _PREFIX_MIN


def _phrase(phrase: Phrase, stems: Stems) -> str:
    words = [stems.of(word) for word in phrase.words]
    exact = '"' + " ".join(words) + '"'
    if not is_beginning(phrase):
        return exact
    # The index has stems: a whole word is found by its stem, and a beginning as it was typed.
    beginning = '"' + " ".join([*words[:-1], phrase.words[-1]]) + '" *'
    return f"({exact} OR {beginning})"
