"""People, invitations and devices."""

from uuid import uuid4

import httpx

from opsroom_client.errors import validating_request
from opsroom_client.requests import Call, Requests
from opsroom_contracts.chat.invitations import INVITATION_SECONDS, Invitation
from opsroom_contracts.http_people import (
    JOIN_FRAGMENT,
    Bot,
    BotList,
    DeviceLink,
    InvitationList,
    LinkSecret,
    NewBot,
    NewBotToken,
    NewInvitation,
    NewInvitationLink,
    PeopleList,
    Person,
    SignedIn,
)
from opsroom_contracts.identity import Role


class Access:
    """Methods raise the same as :meth:`Requests.request`.

    Inviting and listing require the token of an admin, and a link for a device that of a registration. Links
    are absolute, for the page that the server serves at its own address.
    """

    def __init__(self, requests: Requests, url: httpx.URL) -> None:
        self._requests = requests
        self._url = url

    async def all(self) -> tuple[Person, ...]:
        """All people that the server knows: those who are present first, then by name."""
        return (await self._requests.request(Call("GET", "/access/people"), PeopleList)).people

    async def invitations(self) -> tuple[Invitation, ...]:
        """The pending invitations, the one that ends first first."""
        return (await self._requests.request(Call("GET", "/access/invitations"), InvitationList)).invitations

    async def invite(self, name: str, role: Role, *, seconds: int = INVITATION_SECONDS) -> NewInvitationLink:
        """Invite ``name``; the link in the result signs a person in, once, within ``seconds``."""
        with validating_request():
            body = NewInvitation(name=name, role=role, seconds=seconds)
        # A repeated request would replace the link of the first one.
        call = Call("POST", "/access/invitations", body=body, repeatable=False)
        made = await self._requests.request(call, NewInvitationLink)
        return made.model_copy(update={"link": self._absolute(made.link)})

    async def withdraw(self, invitation_id: str, *, reason: str | None = None) -> None:
        """Make the link of a pending invitation void."""
        params: dict[str, str | int] | None = None if reason is None else {"reason": reason}
        await self._requests.send(Call("DELETE", f"/access/invitations/{invitation_id}", params=params))

    async def bots(self) -> tuple[Bot, ...]:
        """The bots of the token's owner; for admins, those of everybody."""
        return (await self._requests.request(Call("GET", "/access/bots"), BotList)).bots

    async def create_bot(self, name: str, role: Role = Role.MEMBER) -> NewBotToken:
        """Make a bot of the token's owner. The result has its token, which the server returns only once.

        If the response is lost, make it again: a bot of the same name and owner gets a new token.
        """
        with validating_request():
            body = NewBot(name=name, role=role)
        call = Call("POST", "/access/bots", body=body, repeatable=False)
        return await self._requests.request(call, NewBotToken)

    async def remove_bot(self, bot_id: str) -> None:
        """Remove a bot: its token is no longer valid, and its name is free."""
        await self._requests.send(Call("DELETE", f"/access/bots/{bot_id}"))

    async def link_device(self) -> DeviceLink:
        """Make a link that signs in another device of the token's owner, once."""
        made = await self._requests.request(Call("POST", "/access/links", repeatable=False), DeviceLink)
        return made.model_copy(update={"link": self._absolute(made.link)})

    async def use_link(self, link: str) -> SignedIn:
        """Sign in with a link, or with what follows ``#/join/`` in it; the result has the token."""
        secret = link.rpartition(JOIN_FRAGMENT)[2]
        with validating_request():
            body = LinkSecret(secret=secret)
        return await self._requests.request(
            Call("POST", "/access/exchange", body=body, key=uuid4().hex), SignedIn
        )

    def _absolute(self, link: str) -> str:
        return f"{self._url}".rstrip("/") + f"/{link}"
