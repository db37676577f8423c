"""Who held each name last, if a credential proves it. Names of guests are not tracked."""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from opsroom_contracts.chat.models import Member
from opsroom_contracts.identity import Identity, granted_identity
from opsroom_contracts.text import name_forms

_MAX: Final = 60_000
"""The maximum number of forms of names; beyond it, the ones that changed least recently are forgotten."""
_SIGNED_IN: Final = "oidc:"


@dataclass(frozen=True, slots=True)
class _Holder:
    """``until``: when the session of a signed-in user ends; None: they signed out, or never signed in."""

    user_id: str
    joined_at: datetime
    identity: Identity | None
    until: datetime | None


@dataclass(slots=True)
class NameHolders:
    """The last holder of each name, also after they have left: a restriction of the name must cover them.

    They are kept by every form of the name, and so found by names that count as the same.
    """

    _holders: OrderedDict[str, _Holder] = field(default_factory=OrderedDict)

    def put(self, member: Member) -> None:
        """Apply a member's record. It counts if no other member has joined under the name since."""
        identity = granted_identity(member.grant)
        if identity is None and not self._holders:
            return  # the usual case without credentials: don't fold the name
        for form in name_forms(member.user.name):
            self._put(form, member, identity)

    def _put(self, form: str, member: Member, identity: Identity | None) -> None:
        known = self._holders.get(form)
        if known is not None and known.user_id != member.user.id and known.joined_at > member.joined_at:
            return
        if known is not None and known.user_id == member.user.id and identity is None:
            self._holders[form] = replace(known, until=None)  # their token was revoked
            return
        if known is None and identity is None:
            return
        grants = (member.grant, *(device.grant for device in member.devices))
        until = max((one.until for one in grants if one is not None and one.until is not None), default=None)
        self._holders[form] = _Holder(member.user.id, member.joined_at, identity, until)
        self._holders.move_to_end(form)
        if len(self._holders) > _MAX:
            self._holders.popitem(last=False)

    def identity(self, name: str) -> Identity | None:
        """Return the identity of the last holder of a name; None if no credential proves it."""
        return next((known.identity for known in self._of(name) if known.identity is not None), None)

    def owner(self, name: str, now: datetime) -> Identity | None:
        """Return the identity to which a name belongs although its user may be away.

        The names of static tokens are reserved at the gateway. The name of a user who signed in belongs to
        their identity until the session ends or they sign out.
        """
        for known in self._of(name):
            if known.identity is None or not known.identity.startswith(_SIGNED_IN):
                continue
            if known.until is not None and now < known.until:
                return known.identity
        return None

    def _of(self, name: str) -> list[_Holder]:
        """Return the last holders of the forms of a name, the last one to join first."""
        found = [self._holders[form] for form in name_forms(name) if form in self._holders]
        return sorted(found, key=lambda holder: holder.joined_at, reverse=True)
