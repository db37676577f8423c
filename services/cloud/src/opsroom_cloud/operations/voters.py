"""Who decides about an operation: the person behind a request."""

from opsroom_cloud.domain.approvals import Voter
from opsroom_contracts.cloud.requests import (
    ApproveRequest,
    CancelRequest,
    DenyRequest,
    author_of,
    identities_of,
    is_by_hand,
)
from opsroom_contracts.identity import Role


def voter_of(request: CancelRequest) -> Voter:
    """Return the person behind ``request``. The broker's operator, who sends it by hand, is an admin."""
    role: Role | None = None
    if is_by_hand(request):
        role = Role.ADMIN
    elif isinstance(request, ApproveRequest | DenyRequest):
        role = request.role
    return Voter(author_of(request), request.identity, identities_of(request), role)
