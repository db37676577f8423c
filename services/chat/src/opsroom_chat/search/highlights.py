"""The parts of a text that match a query, and whether all of it matches. Pure, and linear in the text."""

from collections.abc import Iterator, Sequence

from opsroom_chat.search.terms import Stems, is_beginning
from opsroom_contracts.search.models import Highlight
from opsroom_contracts.search.query import Phrase
from opsroom_contracts.search.words import fold, word_spans

HIGHLIGHTS_MAX = 64


def highlights(
    text: str, phrases: Sequence[Phrase], stems: Stems, names: Sequence[str] = ()
) -> tuple[Highlight, ...] | None:
    """Return the parts of ``text`` that match, in their order; None: something is missing.

    ``names``: of files; a phrase may also be in one of them. The text may have changed since it was indexed,
    so a hit without all phrases is none.
    """
    words = _words(text, stems)
    in_names = [_words(name, stems) for name in names]
    found: set[tuple[int, int]] = set()
    for phrase in phrases:
        places = tuple(_places(words, phrase, stems))
        if not places and not any(any(_places(name, phrase, stems)) for name in in_names):
            return None
        found.update(places)
    return tuple(Highlight(start=start, end=end) for start, end in sorted(found)[:HIGHLIGHTS_MAX])


class _Word:
    """One word of the text."""

    __slots__ = ("end", "start", "stem")

    def __init__(self, start: int, end: int, stem: str) -> None:
        self.start, self.end, self.stem = start, end, stem


def _words(text: str, stems: Stems) -> list[_Word]:
    spans = ((start, end, fold(text[start:end])) for start, end in word_spans(text))
    return [_Word(start, end, stems.of(folded)) for start, end, folded in spans if folded]


def _places(words: Sequence[_Word], phrase: Phrase, stems: Stems) -> Iterator[tuple[int, int]]:
    """Iterate over the places of ``phrase``, from its first word to its last."""
    wanted = [stems.of(word) for word in phrase.words]
    beginning = phrase.words[-1] if is_beginning(phrase) else None
    size = len(wanted)
    for first in range(len(words) - size + 1):
        last = words[first + size - 1]
        is_last = last.stem == wanted[-1] or (beginning is not None and last.stem.startswith(beginning))
        if is_last and all(words[first + at].stem == wanted[at] for at in range(size - 1)):
            yield words[first].start, last.end
