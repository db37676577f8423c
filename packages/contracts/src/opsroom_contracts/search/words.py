"""Words of a text, and the form in which they are compared: without case, accents and the dots of ``ё``.

Pure, and linear in the length of the text. Stems are up to the chat service's index.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from opsroom_contracts.text.unicode import folded, nfc, nfkd

WORD_MAX: Final = 40
"""Longer words are compared by their first characters."""
_MARKS = "\u0300-\u036f"
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD: Final = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:[{_MARKS}]+[^\W_{_CJK}]*)*")
"""Letters and digits with their marks. Chinese and Japanese have no spaces, so each character is a word."""
_CYRILLIC: Final = re.compile("[\u0400-\u052f]")
_CYRILLIC_FORMS: Final = str.maketrans({"ё": "е"} | {chr(mark): None for mark in range(0x300, 0x370)})
_CACHED_WORDS = 20_000


def word_spans(text: str) -> Iterator[tuple[int, int]]:
    """Iterate over the places ``[start, end)`` of the words of ``text``."""
    return (match.span() for match in _WORD.finditer(text))


def written_words(text: str) -> list[str]:
    """Return the words of ``text`` as they are written; :func:`fold` gives the form to compare."""
    return _WORD.findall(text)


def words_of(text: str) -> Iterator[str]:
    """Iterate over the words of ``text`` in the form in which they are compared."""
    return filter(None, map(fold, written_words(text)))


def fold(word: str) -> str:
    """Return the form in which one word is compared: letters and digits only, perhaps none."""
    return _folded(word[: 4 * WORD_MAX])


@lru_cache(_CACHED_WORDS)
def _folded(word: str) -> str:
    if word.isascii():
        return word.lower()[:WORD_MAX]
    if _CYRILLIC.search(word):
        # й must stay what it is, so nothing is decomposed.
        form = nfc(folded(nfc(word))).translate(_CYRILLIC_FORMS)
    else:
        form = nfkd(folded(nfkd(word)))
    return "".join(char for char in form if char.isalnum())[:WORD_MAX]
