"""Approvals: what a command waits for before its delay begins, and who may still approve it."""

import hashlib
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from opsroom_contracts.identity import Identity, Role
from opsroom_contracts.serialization.model import Model

NEED_MAX: Final = 9
"""The maximum number of people who must approve a command."""
VOTE_REASON_MAX: Final = 500
"""The maximum length of a reason for a decision, in characters."""
_AUTHORS_MAX: Final = 4

ApproverName = Annotated[str, Field(min_length=1, max_length=64)]
"""The name of somebody who has approved, as it was shown."""
Mark = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""A digest of an operation's id and an identity: it shows neither, and is another one in each operation."""


def _visible_reason(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    if not value.isprintable():
        raise ValueError("must not contain control characters")
    return value.strip()


VoteReason = Annotated[str, Field(min_length=1, max_length=VOTE_REASON_MAX), AfterValidator(_visible_reason)]
"""Why somebody approved alone, or denied; one line."""


class Approval(Model):
    """What a command waits for until it is approved, denied, cancelled, or expires.

    ``need``: how many different people must approve. ``role``: the lowest role that may. ``approved_by``: the
    names of those who have. ``authors`` and ``voters``: marks of the identities that can't approve: those of
    the command's author, and of those who have approved.
    """

    need: Annotated[int, Field(ge=1, le=NEED_MAX)]
    role: Role
    approved_by: Annotated[tuple[ApproverName, ...], Field(max_length=NEED_MAX)] = ()
    authors: Annotated[tuple[Mark, ...], Field(max_length=_AUTHORS_MAX)] = ()
    voters: Annotated[tuple[Mark, ...], Field(max_length=2 * NEED_MAX)] = ()


def mark_of(operation_id: str, identity: Identity) -> Mark:
    """Return the mark of ``identity`` in one operation: 32 hexadecimal digits."""
    return hashlib.sha256(f"{operation_id}\n{identity}".encode()).hexdigest()[:32]
