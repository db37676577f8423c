"""Handlers of hooks: admins make, rotate and remove them."""

from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.incidents.hooks import (
    HOOKS_MAX,
    CreateHookRequest,
    DeleteHookReply,
    DeleteHookRequest,
    HookSecretReply,
    HooksReply,
    HooksRequest,
    RotateHookRequest,
)
from opsroom_incidents.cards.keeper import Clock
from opsroom_incidents.domain import hooks as rules
from opsroom_incidents.hooks.store import HookStore


class HookHandlers:
    """Changes hooks. A secret is returned once, and only its digest is stored."""

    def __init__(self, store: HookStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list(self, _request: HooksRequest) -> HooksReply:
        """Return all hooks, by name."""
        now = self._clock()
        return HooksReply(hooks=tuple(rules.view_of(hook, now) for hook in await self._store.all()))

    async def create(self, request: CreateHookRequest) -> HookSecretReply:
        """Make a hook. A repeated request returns the same one.

        Raises:
            FaultError: ``name_invalid``; ``invalid_request``: there are too many.
            UnavailableError: the broker did not respond.
        """
        hook = rules.new_hook(request, self._clock())
        known = await self._store.find(hook.id)
        if known is not None:
            hook = known[0]
        else:
            if len(await self._store.all()) >= HOOKS_MAX:
                message = f"the limit of {HOOKS_MAX} hooks is reached: remove some first"
                raise refuse(ErrorCode.INVALID_REQUEST, message)
            await self._store.put(hook, 0)
        return HookSecretReply(hook=rules.view_of(hook, self._clock()), secret=rules.secret_of(request))

    async def rotate(self, request: RotateHookRequest) -> HookSecretReply:
        """Give a hook another secret. A repeated request returns the same one.

        Raises:
            FaultError: ``hook_unknown``.
            UnavailableError: the broker did not respond.
        """
        hook, seq = await self._store.get(request.id)
        changed = rules.rotated(hook, request, self._clock())
        if changed is not None:
            await self._store.put(changed, seq)
        shown = rules.view_of(changed or hook, self._clock())
        return HookSecretReply(hook=shown, secret=rules.secret_of(request))

    async def delete(self, request: DeleteHookRequest) -> DeleteHookReply:
        """Remove a hook; its secrets are void at once.

        Raises:
            FaultError: ``hook_unknown``.
            UnavailableError: the broker did not respond.
        """
        found = await self._store.find(request.id)
        if found is None:
            raise rules.unknown(request.id)
        hook, seq = found
        if not hook.removed:
            gone = {"removed": True, "removal": request.request_id, "secrets": ()}
            await self._store.put(hook.model_copy(update=gone), seq)
        elif request.request_id is None or hook.removal != request.request_id:
            raise rules.unknown(request.id)
        return DeleteHookReply(hook=rules.view_of(hook, self._clock()))
