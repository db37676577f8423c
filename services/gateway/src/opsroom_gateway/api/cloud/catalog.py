"""Routes of what providers offer: themselves, their templates, and what can be adopted."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Response

from opsroom_contracts.agents.protocol import AdoptableRequest
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http import (
    AdoptableList,
    NewAdoption,
    OperationAccepted,
    ProviderList,
    ProviderTemplate,
    TemplateList,
)
from opsroom_contracts.identity import Action
from opsroom_contracts.serialization.model import copy_fields
from opsroom_gateway.agents.requests import AgentRequests
from opsroom_gateway.api.cloud.access import (
    AUTH_ERRORS,
    KEY_ERRORS,
    CommandAccess,
    client_id_of,
    name_header,
    require_commander,
)
from opsroom_gateway.api.cloud.client import CloudClient, CommandContext
from opsroom_gateway.api.cloud.commands import ACCEPTED, accepted
from opsroom_gateway.api.idempotency import IdempotencyKey
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER

_Provider = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", examples=["docker"])]
_TEMPLATE: dict[str, Any] = {
    "name": "web",
    "description": "A web server",
    "image": "nginx:1.29",
    "memory": 268435456,
    "cpus": 0.5,
    "protected": False,
}
_PROVIDER: dict[str, Any] = {
    "name": "docker",
    "kind": "docker",
    "connected": True,
    "seenAt": "2026-11-24T00:32:08.054Z",
    "host": "build-1",
    "capabilities": ["adopt", "logs", "stats"],
    "templates": [_TEMPLATE],
}
_ADOPTABLE = {"resource": "3f1c9d", "name": "db", "description": "postgres:18", "state": "running"}
_READ_ERRORS = (ErrorCode.UNAVAILABLE, *AUTH_ERRORS)


def catalog_router(client: CloudClient, agents: AgentRequests, commanding: CommandAccess) -> APIRouter:
    """Build the routes of providers, templates and adoption."""
    router = APIRouter(prefix="/cloud", tags=["cloud"], dependencies=[BEARER])
    _add_providers(router, client, commanding)
    _add_adoptable(router, agents, commanding)
    _add_adoption(router, client, commanding)
    return router


def _add_providers(router: APIRouter, client: CloudClient, commanding: CommandAccess) -> None:
    can_view = Depends(commanding.access.require(Action.SEE_SERVERS))

    @router.get(
        "/providers",
        summary="List all providers",
        dependencies=[can_view],
        response_model_exclude_none=True,
        responses=example_response(200, {"providers": [_PROVIDER]}) | error_responses(*_READ_ERRORS),
    )
    async def providers() -> ProviderList:
        """Where servers run. `connected`: whether the agent of the provider runs; `seenAt`: when it did."""
        return ProviderList(providers=await client.providers())

    @router.get(
        "/templates",
        summary="List all templates",
        dependencies=[can_view],
        response_model_exclude_none=True,
        responses=example_response(200, {"templates": [_TEMPLATE | {"provider": "docker"}]})
        | error_responses(*_READ_ERRORS),
    )
    async def templates() -> TemplateList:
        """The templates of connected providers, from which servers are created."""
        return TemplateList(
            templates=tuple(
                copy_fields(template, ProviderTemplate, provider=provider.name)
                for provider in await client.providers()
                if provider.connected
                for template in sorted(provider.templates, key=lambda one: one.name)
            )
        )


def _add_adoptable(router: APIRouter, agents: AgentRequests, commanding: CommandAccess) -> None:
    authorized = require_commander(Command.ADOPT, commanding, counted=False)

    @router.get(
        "/providers/{provider}/adoptable",
        summary="List what can be adopted",
        dependencies=[Depends(authorized), Depends(name_header)],
        response_model_exclude_none=True,
        responses=example_response(200, {"resources": [_ADOPTABLE], "more": False})
        | error_responses(
            ErrorCode.PROVIDER_UNKNOWN,
            ErrorCode.PROVIDER_AWAY,
            ErrorCode.UNSUPPORTED,
            ErrorCode.NAME_INVALID,
            ErrorCode.NAME_TAKEN,
            *_READ_ERRORS,
        ),
    )
    async def adoptable(provider: _Provider) -> AdoptableList:
        """What the provider runs and no portal manages, sorted by name. It takes an operator."""
        await agents.check_known(provider)
        reply = await agents.request(provider, lambda agent: agent.adoptable, AdoptableRequest())
        return AdoptableList(resources=reply.resources, more=reply.more)


def _add_adoption(router: APIRouter, client: CloudClient, commanding: CommandAccess) -> None:
    context_of: Any = Depends(require_commander(Command.ADOPT, commanding))

    @router.post(
        "/adoptions",
        summary="Adopt what a provider runs already",
        status_code=202,
        dependencies=[Depends(name_header)],
        response_model_exclude_none=True,
        responses=ACCEPTED
        | error_responses(
            ErrorCode.PROVIDER_UNKNOWN, ErrorCode.PROVIDER_AWAY, ErrorCode.UNSUPPORTED, *KEY_ERRORS
        ),
    )
    async def adopt(
        body: Annotated[NewAdoption, Body(examples=[{"provider": "docker", "resource": "4c01db0b339c"}])],
        response: Response,
        key: IdempotencyKey = None,
        context: CommandContext = context_of,
    ) -> OperationAccepted:
        """The server is managed by this portal when the operation is due. Nothing about it is changed."""
        return accepted(response, await client.adopt(client_id_of(key), context, body))
