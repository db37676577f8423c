"""Route of ``/api/v1/chat/addresses``: a user's addresses, for admins who need to ban one."""

import logging
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from opsroom_contracts.audit import TARGET_MAX, AuditedAction
from opsroom_contracts.endpoints import KNOWN_ADDRESSES
from opsroom_contracts.gateways import KNOWN_ADDRESSES_MAX, AddressSeen, KnownAddresses, KnownAddressesRequest
from opsroom_contracts.http import AddressList
from opsroom_contracts.serialization.codec import ContractError, contract_of, decode, encode
from opsroom_contracts.status import REPLICAS_MAX
from opsroom_contracts.text import clip
from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.api.moderation import AUTH_ERRORS, Moderator, require_moderator
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.scatter_gather import request_many

_NAME_MAX = 256
_EXAMPLE = {"addresses": [{"address": "203.0.113.7", "at": "2026-11-25T08:32:08.054Z"}]}

log = logging.getLogger(__name__)


class AddressLookup:
    """Queries all gateways: each knows only the addresses of its connections, and none are stored."""

    def __init__(self, broker: NatsConnection) -> None:
        self._broker = broker

    async def addresses_of(self, name: str) -> AddressList:
        """Return the addresses of users with ``name``, latest first.

        Raises:
            UnavailableError: the broker did not accept the request.
        """
        request = encode(KnownAddressesRequest(name=name))
        replies = await request_many(self._broker, KNOWN_ADDRESSES.subject, request, max_replies=REPLICAS_MAX)
        latest: dict[str, datetime] = {}
        for reply in replies:
            for sighting in _sightings_in(reply):
                latest[sighting.address] = max(sighting.at, latest.get(sighting.address, sighting.at))
        found = sorted(latest.items(), key=lambda one: (one[1], one[0]), reverse=True)[:KNOWN_ADDRESSES_MAX]
        return AddressList(addresses=tuple(AddressSeen(address=address, at=at) for address, at in found))


def _sightings_in(reply: bytes) -> tuple[AddressSeen, ...]:
    try:
        return decode(contract_of(KnownAddresses), reply).sightings
    except ContractError as error:
        log.warning("skipped a malformed reply on %s: %s", KNOWN_ADDRESSES.subject, error)
        return ()


def addresses_router(lookup: AddressLookup, access: Authorizer, audit_log: GatewayAuditLog) -> APIRouter:
    """Build the route of the address lookup."""
    router = APIRouter(prefix="/chat", tags=["admin"], dependencies=[BEARER])

    @router.get(
        "/addresses",
        summary="Look up a user's addresses",
        responses=example_response(200, _EXAMPLE) | error_responses(*AUTH_ERRORS),
    )
    async def addresses(
        moderator: Annotated[
            Moderator, Depends(require_moderator(access, audit_log, AuditedAction.LOCATE, "name"))
        ],
        name: Annotated[str, Query(min_length=1, max_length=_NAME_MAX, examples=["bob"])],
    ) -> AddressList:
        """The addresses of users with this name, now or during the last day, as needed for a ban.

        The lookup is audited. It queries all gateways, for a third of a second.
        """
        found = await lookup.addresses_of(name)
        audit_log.accepted(AuditedAction.LOCATE, moderator.by, clip(name, TARGET_MAX))
        return found

    return router
