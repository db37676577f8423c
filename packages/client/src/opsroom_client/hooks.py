"""Hooks: addresses to which other programs post, for admins."""

import httpx

from opsroom_client.errors import validating_request
from opsroom_client.requests import Call, Requests
from opsroom_contracts.http_hooks import HookRotation, HookWithSecret, NewHook
from opsroom_contracts.incidents.hooks import ROTATION_SECONDS, Hook, HooksReply


class Hooks:
    """Methods raise the same as :meth:`Requests.request`, and require the token of an admin.

    The ``path`` of a hook with its secret is made absolute: it is the address that senders get.
    """

    def __init__(self, requests: Requests, url: httpx.URL) -> None:
        self._requests = requests
        self._url = url

    async def all(self) -> tuple[Hook, ...]:
        """All hooks, by name."""
        return (await self._requests.request(Call("GET", "/hooks"), HooksReply)).hooks

    async def create(self, name: str, room: str = "general") -> HookWithSecret:
        """Make a hook that writes to ``room``. The result has its address, which is returned only once."""
        with validating_request():
            body = NewHook(name=name, room=room)
        return await self._made(Call("POST", "/hooks", body=body, repeatable=False))

    async def rotate(self, hook_id: str, *, seconds: int = ROTATION_SECONDS) -> HookWithSecret:
        """Give a hook another address. The one before works for ``seconds``."""
        with validating_request():
            body = HookRotation(seconds=seconds)
        return await self._made(Call("POST", f"/hooks/{hook_id}/rotate", body=body, repeatable=False))

    async def remove(self, hook_id: str) -> None:
        """Remove a hook: its address is void at once."""
        await self._requests.send(Call("DELETE", f"/hooks/{hook_id}"))

    async def _made(self, call: Call) -> HookWithSecret:
        made = await self._requests.request(call, HookWithSecret)
        return made.model_copy(update={"path": f"{self._url}".rstrip("/") + made.path})
