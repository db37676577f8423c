"""Races of moderation: once an admin has the reply, it holds, whatever was on its way meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx

from opsroom_contracts.close_codes import Close
from opsroom_testkit.waiting import until
from services.gateway.tests.kit.portal import Address
from tests.fuzz.attackers.chat_user import ChatUser
from tests.fuzz.cases.moderation_cases import ModerationCase, Race, in_other_letters

_CHAT = "/api/v1/chat"
_MESSAGES = f"{_CHAT}/rooms/general/messages"
_BANNED = Close.BANNED.value.code
_HISTORY = 200


class Moderation:
    """Runs races at the gateways in ``open`` and in ``token`` mode, with an admin's token for the latter."""

    def __init__(self, gateways: tuple[Address, Address], admin_token: str) -> None:
        self._gateways = gateways
        self._headers = {"Authorization": f"Bearer {admin_token}"}

    async def send(self, case: ModerationCase) -> None:
        """Run a race.

        Raises:
            AssertionError: something that was acknowledged did not hold.
        """
        name = f"m{uuid4().hex[:16]}"
        async with AsyncExitStack() as stack:
            admin = httpx.AsyncClient(
                base_url=self._gateways[1].http, headers=self._headers, timeout=30.0, verify=False
            )
            await stack.enter_async_context(admin)
            async with self._gateways[0].requests() as client:
                made = await client.post(f"{_CHAT}/users", json={"name": name})
            user = await stack.enter_async_context(ChatUser(name, made.json()["token"], self._gateways))
            await asyncio.gather(*(user.open(address) for address in self._gateways))
            await until(lambda: all(socket.welcomed for socket in user.sockets))
            try:
                await _RACES[case.race](_Race(case, admin, user))
            except ExceptionGroup as errors:
                raise AssertionError(f"{errors.exceptions!r}") from errors


class _Race:
    """One race. ``acted``: the admin has the reply, and what begins now must be refused."""

    def __init__(self, case: ModerationCase, admin: httpx.AsyncClient, user: ChatUser) -> None:
        self._case = case
        self._admin = admin
        self._user = user
        self._acted = False
        self._over = False
        self._sent_after: set[str] = set()

    async def mute(self) -> None:
        """No send that began after the reply is stored; after the lift, the user can send."""
        async with self._racing(self._send):
            restriction = await self._restrict("mutes")
            self._acted = True
        stored = {one["text"] for one in await self._history()}
        assert not stored & self._sent_after, "stored after the mute"
        await self._lift(restriction)
        reply = await self._user.sockets[0].say(uuid4().hex)
        assert reply is not None
        assert reply["type"] == "ack", f"muted after the lift: {reply}"

    async def ban(self) -> None:
        """No socket stays, and none is opened; after the lift, the user can return."""
        async with self._racing(self._hello):
            restriction = await self._restrict("bans")
            self._acted = True
        await until(lambda: all(one.closed is not None for one in self._user.sockets))
        codes = {one.closed for one in self._user.sockets[: len(self._user.gateways)]}
        assert codes == {_BANNED}, f"closed with {codes} by the ban"
        for address in self._user.gateways:
            async with address.requests() as client:
                register = await client.post(f"{_CHAT}/users", json={"name": self._user.name})
            assert register.status_code == 403, f"registered while banned: {register.text}"
        listed = (await self._admin.get(f"{_CHAT}/users")).json()["users"]
        assert self._user.name not in {one["name"] for one in listed}, "listed while banned"
        await self._lift(restriction)
        back = await self._user.open(self._user.gateways[1])
        await until(lambda: back.welcomed or back.closed)
        assert back.welcomed, f"closed with {back.closed} after the lift"

    async def remove(self) -> None:
        """The text reappears neither live nor on resume, nor when the message is sent again."""
        secret = f"secret {uuid4().hex}"
        sent = await self._user.sockets[0].say(secret)
        assert sent is not None
        assert sent["type"] == "ack", f"not sent: {sent}"

        async def again(address: Address) -> None:
            removed, since = self._acted, sent["seq"] - 1
            socket = await self._user.open(address, since=since)
            await until(lambda: socket.welcomed or socket.closed)
            await socket.say(secret)
            assert not removed or secret not in socket.shown(), "shown after the removal"

        async with self._racing(again):
            response = await self._admin.delete(f"{_MESSAGES}/{sent['id']}")
            assert response.status_code == 204, response.text
            self._acted = True
        await until(lambda: all(one.has_removed(sent["id"]) or one.closed for one in self._user.sockets))
        for socket in self._user.sockets:
            assert secret not in socket.shown(after_removal_of=sent["id"]), "shown again after it was removed"
        assert secret not in {one["text"] for one in await self._history()}, "in the history"

    async def lift(self) -> None:
        """What the list of restrictions shows is what holds, also if mutes and lifts cross."""
        async with self._racing(self._send):
            for _ in range(self._case.after):
                restriction = await self._restrict("mutes")
                crossing = [self._lift(restriction), self._restrict("mutes")]
                await asyncio.gather(*crossing, return_exceptions=True)
                found = (await self._admin.get(f"{_CHAT}/restrictions")).json()["restrictions"]
                muted = any(one["id"] == restriction for one in found)
                reply = await self._user.sockets[0].say(uuid4().hex)
                assert reply is not None
                assert (reply["type"] == "error") == muted, f"muted in the list is {muted}, but: {reply}"
                if muted:
                    await self._lift(restriction)
            self._over = True

    async def _send(self, address: Address) -> None:
        text, after = uuid4().hex, self._acted
        if after:
            self._sent_after.add(text)
        reply = await self._user.sockets[self._user.gateways.index(address)].say(text)
        assert not after or (reply is not None and reply.get("code") == "muted"), f"not refused: {reply}"

    async def _hello(self, address: Address) -> None:
        after = self._acted
        socket = await self._user.open(address)
        await until(lambda: socket.welcomed or socket.closed)
        assert not after or socket.closed == _BANNED, f"not refused: {socket.closed}, {socket.frames}"

    @asynccontextmanager
    async def _racing(self, action: Callable[[Address], Awaitable[None]]) -> AsyncIterator[None]:
        """Let the user do ``action`` at both gateways all the time, and some times after the reply."""

        async def repeat(address: Address) -> None:
            left = self._case.after
            while left and not self._over:
                left -= self._acted
                await action(address)

        async with asyncio.TaskGroup() as group:
            for address in self._user.gateways:
                group.create_task(repeat(address))
            await asyncio.sleep(self._case.pause)
            yield

    async def _restrict(self, what: str) -> str:
        name = in_other_letters(self._user.name) if self._case.folded else self._user.name
        response = await self._admin.post(f"{_CHAT}/{what}", json={"name": name, "seconds": 600})
        assert response.status_code == 201, response.text
        restriction: str = response.json()["id"]
        return restriction

    async def _lift(self, restriction: str) -> None:
        response = await self._admin.delete(f"{_CHAT}/restrictions/{restriction}")
        assert response.status_code == 204, response.text

    async def _history(self) -> list[Any]:
        """Return the latest messages of the user."""
        response = await self._admin.get(_MESSAGES, params={"limit": _HISTORY})
        return [one for one in response.json()["messages"] if one["user"]["name"] == self._user.name]


_RACES: dict[Race, Callable[[_Race], Awaitable[None]]] = {
    Race.MUTE: _Race.mute,
    Race.BAN: _Race.ban,
    Race.REMOVE: _Race.remove,
    Race.LIFT: _Race.lift,
}
