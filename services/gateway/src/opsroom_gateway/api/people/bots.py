"""Routes of ``/api/v1/access/bots``: people make bots, list them, and remove them."""

from typing import Annotated, Final
from uuid import uuid4

from fastapi import APIRouter, Body, Depends, Path, Request

from opsroom_contracts import endpoints
from opsroom_contracts.chat.bots import CreateBotRequest
from opsroom_contracts.chat.moderation import RevokeRequest
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.http_people import BotList, NewBot, NewBotToken
from opsroom_contracts.identity import Action, Credential, Identity, credential_of
from opsroom_gateway.api.audit_log import requester_of
from opsroom_gateway.api.people.directory import PeopleDirectory
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer, Principal
from opsroom_gateway.auth.older_services import request_with_identity
from opsroom_gateway.domain.roles import lower_role
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_messaging.client.request_client import RequestClient

_BOT: Final = {
    "id": "bot-4958f40b-66f3-5909-accb-ac1143d7ea5f",
    "name": "deploy",
    "role": "operator",
    "owner": "alice",
    "present": False,
}
_MADE: Final = {
    "user": {"id": _BOT["id"], "name": "deploy"},
    "role": "operator",
    "token": f"{_BOT['id']}.9hfKBz…",
}
_ERRORS: Final = (
    ErrorCode.TOKEN_INVALID,
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.FORBIDDEN,
    ErrorCode.BANNED,
    ErrorCode.UNAVAILABLE,
)
_Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


def bots_router(
    directory: PeopleDirectory, requester: RequestClient, access: Authorizer, limits: Limits
) -> APIRouter:
    """Build the routes of bots."""
    router = APIRouter(prefix="/access", tags=["bots"], dependencies=[BEARER])
    may_chat = Depends(access.require(Action.CHAT))

    @router.get(
        "/bots",
        summary="List bots",
        response_model_exclude_none=True,
        responses=example_response(200, {"bots": [_BOT]}) | error_responses(*_ERRORS),
    )
    async def bots(principal: Annotated[Principal, may_chat]) -> BotList:
        """The bots of the caller; for admins, all bots. Ids of bots, and no others, begin with `bot-`."""
        return directory.bots(None if _manages(principal) else _owner(principal))

    @router.post(
        "/bots",
        status_code=201,
        summary="Make a bot",
        responses=example_response(201, _MADE)
        | error_responses(ErrorCode.NAME_TAKEN, ErrorCode.NAME_INVALID, ErrorCode.RATE_LIMITED, *_ERRORS),
    )
    async def create(
        request: Request,
        principal: Annotated[Principal, may_chat],
        body: Annotated[NewBot, Body(examples=[{"name": "deploy", "role": "operator"}])],
    ) -> NewBotToken:
        """The token is returned only once, and works until the bot is removed.

        At each request the bot may do what `role` allows, and no more than its owner, the caller, may at that
        moment. The caller needs a static token, single sign-on or an invitation. Making a bot of one's own
        again gives it the role and a new token; the token before is no longer valid.
        """
        owner = _owner(principal)
        if lower_role(body.role, principal.role) != body.role:
            raise refuse(ErrorCode.FORBIDDEN, f"your role is {principal.role}; your bot's can't be higher")
        limits.count_registration(request)
        access.check_name(body.name)
        wanted = CreateBotRequest(
            request_id=uuid4().hex,
            name=body.name,
            role=body.role,
            owner=owner,
            by=requester_of(request, principal.name, principal.identity),
        )
        reply = await requester.request(endpoints.CREATE_BOT, wanted)
        return NewBotToken(user=reply.user, role=body.role, token=reply.token)

    @router.delete(
        "/bots/{bot_id}",
        status_code=204,
        summary="Remove a bot",
        responses=error_responses(ErrorCode.USER_UNKNOWN, *_ERRORS),
    )
    async def remove(request: Request, bot_id: _Id, principal: Annotated[Principal, may_chat]) -> None:
        """Its token is void, its connections are closed, and its name is free. Its messages stay."""
        own = directory.bots(None if _manages(principal) else _owner(principal))
        if all(bot.id != bot_id for bot in own.bots):
            raise refuse(ErrorCode.USER_UNKNOWN, f"you have no bot with the id {bot_id}", field="botId")
        by = requester_of(request, principal.name, principal.identity)
        revocation = RevokeRequest(request_id=uuid4().hex, user_id=bot_id, by=by)
        await request_with_identity(requester, endpoints.REVOKE, revocation)

    return router


def _manages(principal: Principal) -> bool:
    return Action.MANAGE_PEOPLE in principal.permissions


def _owner(principal: Principal) -> Identity:
    """Return the identity of the caller as the owner of bots.

    Raises:
        FaultError: ``forbidden``: they are a bot, or could not sign in again.
    """
    match credential_of(principal.grant):
        case Credential.TOKEN:
            return principal.identity
        case Credential.SIGN_ON | Credential.INVITATION if principal.user is not None:
            return f"user:{principal.user.id}"
        case Credential.BOT:
            raise _no_owner("a bot can't have bots")
        case _:
            raise _no_owner("to have bots, sign in with a token, at the issuer or by an invitation")


def _no_owner(reason: str) -> FaultError:
    return refuse(ErrorCode.FORBIDDEN, reason)
