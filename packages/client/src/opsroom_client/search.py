"""Search for messages, servers and entries of the Worklog."""

from dataclasses import dataclass
from datetime import datetime

from opsroom_client.requests import Call, Requests
from opsroom_contracts.search.models import SEARCH_DEFAULT, SearchResults
from opsroom_contracts.serialization.model import rfc3339


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """What narrows a search, beside the filters in its text.

    Attributes:
        room: the id or the name of a room.
        author: the id or the name of a person.
        after: inclusive.
        before: exclusive.
    """

    room: str | None = None
    author: str | None = None
    after: datetime | None = None
    before: datetime | None = None

    def params(self) -> dict[str, str | int]:
        """The parameters of the query."""
        params = {
            "in": self.room,
            "from": self.author,
            "after": None if self.after is None else rfc3339(self.after),
            "before": None if self.before is None else rfc3339(self.before),
        }
        return {name: value for name, value in params.items() if value is not None}


EVERYTHING = SearchFilter()


async def search(
    requests: Requests, q: str, narrowed: SearchFilter, limit: int = SEARCH_DEFAULT, cursor: str | None = None
) -> SearchResults:
    """Request one page of hits.

    Raises:
        RequestRejectedError: the query is not valid; the error names the field.
    """
    params = narrowed.params() | {"q": q, "limit": limit}
    if cursor is not None:
        params["cursor"] = cursor
    return await requests.request(Call("GET", "/search", params=params), SearchResults)
