"""Which names count as the same: those that differ in case, composition or spaces only, or look alike."""

from functools import lru_cache
from typing import Final

from opsroom_contracts.text.unicode import (
    capital,
    folded,
    nfd,
    nfkc,
    nfkd,
    seen,
    seen_before,
    single_spaces,
    skeleton,
)

_LOOKALIKES: Final = str.maketrans(
    "авекмнорстухіѕјԁһԛԝӏαβεηικμνορτυχζ",
    "abekmhopctyxisjdhqwlabehikmnoptyxz",
)
"""Letters that the first release counted as the same. Never change it: digests of the result are stored."""
_CACHED_MAX: Final = 64
"""Longer texts are hardly names, and would fill the memory."""
_NAME_LIKE_MAX: Final = 256
"""Longer texts are shown as no name. Their forms would take time, and anybody can send them."""


def stored_form(text: str) -> str:
    """Return the form of a name whose digests are stored: in the subjects of names, in ids of restrictions.

    It is Unicode's compatibility caseless match, and 34 letters of Cyrillic and Greek count as Latin ones.
    The text is decomposed before each case folding, because composed characters may fold differently from
    their parts.
    """
    text = single_spaces(nfkc(seen_before(text)))
    return nfkc(folded(nfkd(folded(nfd(text)))).translate(_LOOKALIKES))


def name_forms(text: str) -> tuple[str, ...]:
    """Return the forms by which a name is compared, for any text; the first is the :func:`stored_form`.

    The others are the skeletons of the text as typed, in small and in capital letters. Letters may look alike
    in one of them only: the small Cyrillic letter Ve is like no Latin letter, the capital one is like ``B``.
    """
    return _cached_forms(text) if len(text) <= _CACHED_MAX else _forms(text)


def names_alike(one: str, other: str) -> bool:
    """Return whether two names count as the same, so that two users can't hold them."""
    return not set(name_forms(one)).isdisjoint(name_forms(other))


def _forms(text: str) -> tuple[str, ...]:
    if len(before := seen_before(text)) > _NAME_LIKE_MAX:
        return (before,)
    typed = single_spaces(nfkc(seen(text)))
    skeletons = (skeleton(form) for form in (typed, nfkc(folded(typed)), nfkc(capital(typed))))
    return tuple(dict.fromkeys((stored_form(text), *skeletons)))


_cached_forms = lru_cache(maxsize=4096)(_forms)
