"""A gateway next to services of a release without identities, during an upgrade."""

import pytest

from opsroom_contracts.audit import Requester
from opsroom_contracts.chat import moderation
from opsroom_contracts.cloud import requests as cloud
from opsroom_contracts.endpoints import CREATE_INSTANCE, RESTRICT, AnyEndpoint, Endpoint
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.model import Model
from opsroom_gateway.auth.older_services import request_with_identity
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.client.request_client import RequestClient


class OldCreate(Model):
    """The request as that release defined it."""

    client_id: str
    actor: str


class OldRequester(Model):
    name: str


class OldRestrict(Model):
    kind: str
    name: str
    by: OldRequester


class Served(Model):
    """The reply: the request as the service read it."""

    request: str


def service_on(broker: NatsConnection) -> MicroService:
    return MicroService(broker, name="old", version="1.0.0", description="An older release.", gauges=dict)


async def test_a_service_that_does_not_know_the_identity_gets_the_request_without_it(
    broker: NatsConnection,
) -> None:
    async def reply(request: Model) -> Served:
        return Served(request=request.model_dump_json())

    service = service_on(broker)
    requests: tuple[tuple[AnyEndpoint, type[Model], Model], ...] = (
        (CREATE_INSTANCE, OldCreate, cloud.CreateRequest(client_id="a", actor="ann", identity="token:a")),
        (
            RESTRICT,
            OldRestrict,
            moderation.RestrictRequest(
                kind=moderation.RestrictionKind.BAN,
                name="eve",
                identities=("token:b",),
                by=Requester(name="ann", identity="token:a"),
            ),
        ),
    )
    for endpoint, model, _ in requests:
        service.add(Endpoint("old", endpoint.subject, model, Served), reply)
    await service.start()
    requester = RequestClient(broker, timeout=10.0)
    for endpoint, _, request in requests:
        to_old = Endpoint(endpoint.service, endpoint.subject, endpoint.request, Served)
        served = await request_with_identity(requester, to_old, request)
        assert "ann" in served.request
        assert "token:" not in served.request
    await service.stop()


async def test_other_refusals_are_not_sent_again(broker: NatsConnection) -> None:
    received: list[cloud.CreateRequest] = []

    async def reject(request: cloud.CreateRequest) -> Served:
        received.append(request)
        raise refuse(ErrorCode.INVALID_REQUEST, "no", field="clientId")

    service = service_on(broker)
    endpoint = Endpoint("new", CREATE_INSTANCE.subject, cloud.CreateRequest, Served)
    service.add(endpoint, reject)
    await service.start()
    request = cloud.CreateRequest(client_id="a", actor="ann", identity="token:a")
    with pytest.raises(FaultError) as refused:
        await request_with_identity(RequestClient(broker, timeout=10.0), endpoint, request)
    assert refused.value.fault.field == "clientId"
    assert received == [request]
    await service.stop()
