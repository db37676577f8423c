"""Listed course users without a socket, indexed by origin."""

from opsroom_contracts.chat.models import Member, MemberStatus, ProtocolVersion
from opsroom_contracts.legacy import REGISTRATION_PREFIX
from opsroom_contracts.text import NameIndex, NameRuleError, clean_name

_LISTED = frozenset({MemberStatus.PRESENT, MemberStatus.LINGERING})


class UnboundRegistrations:
    """An index over the member projection, so that neither a connect nor a frame needs a scan."""

    def __init__(self) -> None:
        self._by_origin: dict[str, dict[str, None]] = {}
        self._by_name: NameIndex[str] = NameIndex()
        self._origins: dict[str, str] = {}

    def on_member(self, member: Member) -> bool:
        """Apply a changed record. Returns whether the user now waits for a socket."""
        if member.dialect is not ProtocolVersion.COURSE:
            return False
        user_id = member.user.id
        if member.status is MemberStatus.AWAY:
            self._by_name.discard(member.user.name, user_id)
        else:
            self._by_name.add(member.user.name, user_id)
        self._remove(user_id)
        waiting = member.status in _LISTED and not any(map(is_socket, connection_ids(member)))
        if waiting and member.origin is not None:
            self._by_origin.setdefault(member.origin, {})[user_id] = None
            self._origins[user_id] = member.origin
        return waiting

    def from_origin(self, origin: str) -> list[str]:
        """Return the users who wait for a socket from ``origin``, newest first."""
        return list(reversed(self._by_origin.get(origin, {})))

    def named(self, name: str) -> str | None:
        """Return the id of the course client named ``name``, which is cleaned as on registration."""
        try:
            return next(reversed(self._by_name.find(clean_name(name))), None)
        except NameRuleError:
            return None

    def _remove(self, user_id: str) -> None:
        origin = self._origins.pop(user_id, None)
        if origin is None:
            return
        there = self._by_origin[origin]
        del there[user_id]
        if not there:
            del self._by_origin[origin]


def connection_ids(member: Member) -> list[str]:
    """Return the ids of a member's connections."""
    return [connection.id for connection in member.connections]


def is_socket(connection_id: str) -> bool:
    """Return whether a connection is a socket, not a placeholder."""
    return not connection_id.startswith(REGISTRATION_PREFIX)
