"""The route of ``/api/v1/chat/commands``: which commands bots add to those of the portal."""

from typing import Final

from fastapi import APIRouter, Depends

from opsroom_contracts.identity import Action
from opsroom_contracts.incidents.bot_commands import BotCommandsReply
from opsroom_gateway.api.moderation import AUTH_ERRORS
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.chat.bot_commands import BotCatalog

_EXAMPLE: Final = {
    "name": "deploy",
    "bot": "ship",
    "help": "Deploy a version of a service",
    "arguments": "SERVICE VERSION",
    "role": "operator",
}


def bot_commands_router(bots: BotCatalog, access: Authorizer) -> APIRouter:
    """Build the route."""
    router = APIRouter(prefix="/chat/commands", tags=["chat"], dependencies=[BEARER])

    @router.get(
        "",
        summary="List the commands of bots",
        dependencies=[Depends(access.require(Action.CHAT))],
        response_model_exclude_none=True,
        responses=example_response(200, {"commands": [_EXAMPLE]}) | error_responses(*AUTH_ERRORS),
    )
    async def commands() -> BotCommandsReply:
        """The commands that bots offer now, by name, beside those that every portal has.

        It is empty while the service that looks for them is away.
        """
        return BotCommandsReply(commands=await bots.all())

    return router
