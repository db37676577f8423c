"""Requests and replies of the search."""

from typing import Annotated

from pydantic import Field

from opsroom_contracts.chat.models import Message, RawName
from opsroom_contracts.chat.rooms import RawRoomName
from opsroom_contracts.cloud.models import Instance
from opsroom_contracts.http import CloudEvent
from opsroom_contracts.search.query import QUERY_MAX
from opsroom_contracts.serialization.model import Epoch, Identifier, Model, Sequence, Timestamp

SEARCH_MAX = 50
"""The maximum number of hits of one group on a page."""
SEARCH_DEFAULT = 20

QueryText = Annotated[str, Field(max_length=QUERY_MAX)]


class SearchMessagesRequest(Model):
    """Find messages that a person may read, newest first.

    ``user_id``: who searches. Without one, only public rooms and those that everybody is in are searched.
    ``q``: words and filters; ``room`` and ``author`` (ids or names), ``after`` (inclusive) and ``before``
    (exclusive) narrow it further. ``position`` and ``epoch``: the ``next`` and ``epoch`` of the page before.
    """

    user_id: Identifier | None = None
    q: QueryText = ""
    room: RawRoomName | None = None
    author: RawName | None = None
    after: Timestamp | None = None
    before: Timestamp | None = None
    limit: Annotated[int, Field(ge=1, le=SEARCH_MAX)] = SEARCH_DEFAULT
    position: Sequence | None = None
    epoch: Epoch | None = None


class Highlight(Model):
    """A part of a text that matches: its characters from ``start`` up to, but without, ``end``.

    Characters are Unicode code points, and the first is 0.
    """

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]


class MessageHit(Model):
    """A message that matches, and the parts of its text that do."""

    message: Message
    highlights: tuple[Highlight, ...] = ()


class SearchMessagesReply(Model):
    """Messages, newest first.

    ``next`` is there if there may be more, however few messages the page has. ``complete``: whether the index
    has all stored messages; it has not while it is being built.
    """

    hits: tuple[MessageHit, ...]
    next: Sequence | None = None
    epoch: Epoch | None = None
    complete: bool = True


class SearchResults(Model):
    """The response of ``GET /api/v1/search``: up to ``limit`` hits of each group.

    ``servers`` and ``worklog`` are missing if you may not see servers. ``complete``: whether all stored
    messages can be found; not for a moment after the index was lost. ``next`` is the ``cursor`` of the next
    page; it is there if there may be more, however few hits the page has.
    """

    messages: tuple[MessageHit, ...] = ()
    servers: tuple[Instance, ...] | None = None
    worklog: tuple[CloudEvent, ...] | None = None
    complete: bool = True
    next: str | None = None
