"""The cursor of a search: where each group goes on. Clients send it back as it is."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

from pydantic import Field, TypeAdapter

from opsroom_contracts.cloud.instances import ServerName
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.codec import ContractError, decode, encode
from opsroom_contracts.serialization.model import Epoch, Identifier, Model, Sequence

CURSOR_MAX = 512


class ServerPosition(Model):
    """The last server of the page before, in the order of names."""

    name: ServerName
    id: Identifier


class SearchCursor(Model):
    """Where each group goes on; a group without a position has nothing more.

    The epochs are those of the sequences.
    """

    version: Annotated[int, Field(ge=1, le=1)] = 1
    messages: Sequence | None = None
    epoch: Epoch | None = None
    worklog: Sequence | None = None
    worklog_epoch: Epoch | None = None
    servers: ServerPosition | None = None

    @property
    def is_over(self) -> bool:
        """Whether no group has more."""
        return self.messages is None and self.worklog is None and self.servers is None


_CURSOR = TypeAdapter(SearchCursor)


def encode_cursor(cursor: SearchCursor) -> str | None:
    """Return the text of a cursor; None if nothing more is to be had."""
    return None if cursor.is_over else urlsafe_b64encode(encode(cursor)).decode().rstrip("=")


def decode_cursor(text: str) -> SearchCursor:
    """Read the text of a cursor.

    Raises:
        FaultError: ``invalid_request``.
    """
    try:
        data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        cursor = decode(_CURSOR, data, CURSOR_MAX)
    except (ContractError, ValueError):
        raise invalid_cursor("is not one that a search has returned") from None
    if cursor.is_over:
        raise invalid_cursor("is not one that a search has returned")
    return cursor


def invalid_cursor(reason: str) -> FaultError:
    """Return the error for a cursor that can't be used."""
    return refuse(ErrorCode.INVALID_REQUEST, f"cursor: {reason}", field="cursor")
