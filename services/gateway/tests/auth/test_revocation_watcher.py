"""The moment between the check of a token and the watch: what ended in it closes the reader."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from starlette.requests import Request

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import RegisterRequest
from opsroom_contracts.chat.moderation import RevokeRequest
from opsroom_contracts.identity import Action, Grant, Mode, Role
from opsroom_gateway.auth.authorization import AccessRules, Authorizer
from opsroom_gateway.auth.revocation_watcher import RevocationWatcher
from opsroom_gateway.auth.static_tokens import StaticTokens, make_token, parse_tokens
from opsroom_gateway.middleware.client_address import ClientAddressMiddleware
from opsroom_gateway.middleware.trusted_proxies import parse_proxies
from opsroom_gateway.presence.restriction_enforcer import RestrictionEnforcer
from opsroom_gateway.projections.restrictions import RestrictionProjection
from opsroom_messaging.client.connection import connect
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from services.gateway.tests.kit.behind_proxy import unique_name
from services.gateway.tests.kit.portal import Portal

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN, LINE = make_token("val", Role.VIEWER)


@dataclass
class Access:
    """The authorization of a gateway. ``closed``: the readers that its watcher has closed."""

    requester: RequestClient
    tokens: StaticTokens = field(default_factory=lambda: StaticTokens(parse_tokens([LINE]), None))
    closed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock = BrokerClock()
        rules = AccessRules(Mode.TOKEN, guests=True, open_moderation=False)
        enforcer = RestrictionEnforcer(RestrictionProjection(clock), lambda _: None)
        self.authorizer = Authorizer(
            self.requester, self.tokens, None, rules=rules, enforcer=enforcer, clock=clock
        )
        self.watcher = RevocationWatcher(self.authorizer)

    async def open(self, request: Request, *, after: str | None = None) -> None:
        """Do what a stream does: authorize, watch, recheck. ``after``: a user to revoke after the first."""
        principal = await self.authorizer.authorize(request, Action.SEE_SERVERS)
        if after is not None:
            await self.requester.request(endpoints.REVOKE, RevokeRequest(user_id=after))
        self.watcher.watch("reader", principal, Action.SEE_SERVERS, lambda: self.closed.append("reader"))
        await self.watcher.recheck("reader", request)


@pytest_asyncio.fixture(loop_scope="module")
async def access(portal: Portal) -> AsyncIterator[Access]:
    """The authorization of a gateway in token mode."""
    broker = await connect(portal.url, name="test")
    yield Access(RequestClient(broker))
    await broker.close()


async def request_with(token: str) -> Request:
    """A request with ``token``, past the middleware that identifies the client."""
    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "client": ("192.0.2.1", 1), "headers": headers}

    async def nothing(*_arguments: object) -> None:
        """Ignore the request."""

    await ClientAddressMiddleware(nothing, (), parse_proxies(()))(scope, nothing, nothing)  # type: ignore[arg-type]
    return Request(scope)


async def test_a_token_revoked_before_the_watch_closes_the_reader(access: Access) -> None:
    source = access.tokens.find(TOKEN)
    assert source is not None
    grant = Grant(role=Role.VIEWER, source=source.source)
    registration = RegisterRequest(name=unique_name("val"), grant=grant)
    registered = await access.requester.request(endpoints.REGISTER, registration)
    request = await request_with(registered.token or "")
    await access.open(request)
    assert not access.closed
    await access.open(request, after=registered.user.id)
    assert access.closed == ["reader"]


async def test_a_static_token_removed_before_the_watch_closes_the_reader(access: Access) -> None:
    request = await request_with(TOKEN)
    await access.open(request)
    assert not access.closed
    principal = await access.authorizer.authorize(request, Action.SEE_SERVERS)
    access.authorizer.tokens = StaticTokens((), None)
    access.watcher.watch("reader", principal, Action.SEE_SERVERS, lambda: access.closed.append("reader"))
    assert access.closed == ["reader"]
