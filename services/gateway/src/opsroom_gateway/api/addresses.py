"""From where somebody is connected: ``/api/v1/chat/addresses``, for admins who have to ban an address."""

import logging
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.codec import ContractError, contract_of, decode, encode
from opsroom_contracts.endpoints import KNOWN_ADDRESSES
from opsroom_contracts.gateways import SIGHTINGS_MAX, AddressSeen, KnownAddresses, KnownAddressesRequest
from opsroom_contracts.http import AddressList
from opsroom_contracts.status import REPLICAS_MAX
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


class Locating:
    """Asks all gateways: each knows its own connections alone, and nobody stores them."""

    def __init__(self, broker: NatsConnection) -> None:
        self._broker = broker

    async def addresses_of(self, name: str) -> AddressList:
        """What they know, the latest first.

        Raises:
            UnavailableError: the broker did not take the question.
        """
        question = encode(KnownAddressesRequest(name=name))
        answers = await request_many(
            self._broker, KNOWN_ADDRESSES.subject, question, max_replies=REPLICAS_MAX
        )
        latest: dict[str, datetime] = {}
        for answer in answers:
            for sighting in _sightings_in(answer):
                latest[sighting.address] = max(sighting.at, latest.get(sighting.address, sighting.at))
        found = sorted(latest.items(), key=lambda one: (one[1], one[0]), reverse=True)[:SIGHTINGS_MAX]
        return AddressList(addresses=tuple(AddressSeen(address=address, at=at) for address, at in found))


def _sightings_in(answer: bytes) -> tuple[AddressSeen, ...]:
    try:
        return decode(contract_of(KnownAddresses), answer).sightings
    except ContractError as error:
        log.warning("skipped an answer on %s: %s", KNOWN_ADDRESSES.subject, error)
        return ()


def addresses_router(locating: Locating, access: Authorizer, audit_log: GatewayAuditLog) -> APIRouter:
    """The route."""
    router = APIRouter(prefix="/chat", tags=["admin"], dependencies=[BEARER])

    @router.get(
        "/addresses",
        summary="From where somebody is connected",
        responses=example_response(200, _EXAMPLE) | error_responses(*AUTH_ERRORS),
    )
    async def addresses(
        request: Request,
        asking: Annotated[
            Moderator, Depends(require_moderator(access, audit_log, AuditedAction.LOCATE, "name"))
        ],
        name: Annotated[str, Query(min_length=1, max_length=_NAME_MAX, examples=["bob"])],
    ) -> AddressList:
        """Of those who go by that name now, or did in the last day; what to give to a ban.

        That it was asked is in the audit. It asks every gateway, for a third of a second.
        """
        found = await locating.addresses_of(name)
        audit_log.accepted(request, AuditedAction.LOCATE, asking.by.name, name[:128])
        return found

    return router
