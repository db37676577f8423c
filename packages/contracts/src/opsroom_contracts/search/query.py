"""The language of search queries: words, phrases in quotes, and filters such as ``in:general``.

Pure. What isn't a filter is a word, so every text is a query; only a filter's value can be wrong.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.search.words import words_of

QUERY_MAX: Final = 256
"""The maximum length of a query, in characters."""
WORDS_MAX: Final = 16
"""The maximum number of words in a query, those of phrases included."""
FILTERS_MAX: Final = 8
"""The maximum number of rooms or of authors in a query."""

_QUOTES: Final = str.maketrans(dict.fromkeys("“”„«»", '"'))
_PART: Final = re.compile(
    r"""(?:(?P<filter>in|from|before|after|has):(?:"(?P<quoted>[^"]*)"?|(?P<value>[^\s"]+)))"""
    r"""|"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+)""",
    re.IGNORECASE,
)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class Has(StrEnum):
    """What else a message must have."""

    LINK = "link"
    FILE = "file"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that must follow one another, in the form in which they are compared; usually one.

    Attributes:
        words: at least one.
        is_prefix: whether the last one may be the beginning of a word.
    """

    words: tuple[str, ...]
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to search for: all phrases, and one of the values of each filter.

    Attributes:
        rooms: ids or names.
        authors: ids or names.
        has: all of these.
        after: inclusive.
        before: exclusive.
    """

    phrases: tuple[Phrase, ...] = ()
    rooms: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    has: frozenset[Has] = frozenset()
    after: datetime | None = None
    before: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether everything would match."""
        return self == SearchQuery()

    def narrowed(
        self,
        *,
        room: str | None = None,
        author: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> "SearchQuery":
        """Return the query with filters that come as parameters, as if they were in the text.

        Raises:
            FaultError: ``invalid_request``: there are too many.
        """
        query = self
        if room is not None:
            query = _filtered(query, "in", room)
        if author is not None:
            query = _filtered(query, "from", author)
        return _within(query, after, before)


def parse_query(text: str) -> SearchQuery:
    """Parse the text of a query.

    The last word is taken as the beginning of a word if nothing follows it, and so is a word that ends with
    ``*``. A quote that isn't closed ends with the text.

    Raises:
        FaultError: ``invalid_request``, with the field ``q`` if the text is too long or has too many words,
            or else with the filter whose value is not valid.
    """
    if len(text) > QUERY_MAX:
        raise _invalid("q", f"has {len(text)} characters; {QUERY_MAX} are allowed")
    query = SearchQuery()
    text = text.translate(_QUOTES)
    for match in _PART.finditer(text):
        kind = match["filter"]
        if kind is not None:
            value = match["value"] if match["quoted"] is None else match["quoted"]
            query = _filtered(query, kind.lower(), value.strip())
            continue
        is_last = match["word"] is not None and match.end() == len(text)
        phrase = _phrase(match["phrase"] if match["word"] is None else match["word"], is_last=is_last)
        if phrase is not None:
            query = replace(query, phrases=(*query.phrases, phrase))
    count = sum(len(phrase.words) for phrase in query.phrases)
    if count > WORDS_MAX:
        raise _invalid("q", f"has {count} words; {WORDS_MAX} are allowed")
    return query


def parse_moment(field: str, text: str) -> datetime:
    """Parse a day, which stands for its beginning in UTC, or a time with its time zone.

    Raises:
        FaultError: ``invalid_request`` with ``field``.
    """
    try:
        moment = datetime.fromisoformat(text)
        if _DATE.fullmatch(text):
            return moment.replace(tzinfo=UTC)
        if moment.tzinfo is not None and _DATE.match(text):
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _invalid(field, "must be a date like 2026-11-30, or a time like 2026-11-30T14:00:00Z")


def _phrase(text: str, *, is_last: bool) -> Phrase | None:
    words = tuple(words_of(text))
    return Phrase(words, is_prefix=text.endswith("*") or is_last) if words else None


def _filtered(query: SearchQuery, kind: str, value: str) -> SearchQuery:
    if not value:
        raise _invalid(kind, "must have a value")
    match kind:
        case "in":
            return replace(query, rooms=_added(kind, query.rooms, value))
        case "from":
            return replace(query, authors=_added(kind, query.authors, value))
        case "has":
            return replace(query, has=query.has | {_has(value)})
        case "before":
            return _within(query, None, parse_moment(kind, value))
        case _:
            return _within(query, parse_moment(kind, value), None)


def _added(kind: str, values: tuple[str, ...], value: str) -> tuple[str, ...]:
    if len(values) >= FILTERS_MAX:
        raise _invalid(kind, f"{FILTERS_MAX} of these filters are allowed")
    return (*values, value)


def _has(value: str) -> Has:
    try:
        return Has(value.lower())
    except ValueError:
        raise _invalid("has", f"must be one of: {', '.join(Has)}") from None


def _within(query: SearchQuery, after: datetime | None, before: datetime | None) -> SearchQuery:
    afters = [moment for moment in (query.after, after) if moment is not None]
    befores = [moment for moment in (query.before, before) if moment is not None]
    return replace(query, after=max(afters, default=None), before=min(befores, default=None))


def _invalid(field: str, reason: str) -> Exception:
    return refuse(ErrorCode.INVALID_REQUEST, f"{field}: {reason}", field=field)
