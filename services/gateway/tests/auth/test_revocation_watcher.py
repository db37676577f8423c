"""The moment between the check of a token and the watch: what ended in it closes the reader."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import pytest
import pytest_asyncio
from starlette.requests import Request

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import (
    BotOwner,
    Member,
    MemberStatus,
    ProtocolVersion,
    RegisterRequest,
    User,
)
from opsroom_contracts.chat.moderation import RevokeRequest
from opsroom_contracts.identity import Action, Grant, Mode, Role, bot_source
from opsroom_gateway.auth.authorization import AccessRules, AuthMethod, Authorizer, Principal
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
    mode: Mode = Mode.TOKEN
    tokens: StaticTokens = field(default_factory=lambda: StaticTokens(parse_tokens([LINE]), None))
    closed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock = BrokerClock()
        rules = AccessRules(self.mode, guests=True, open_moderation=False)
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


def member(user: User, token_hash: str | None = None, grant: Grant | None = None) -> Member:
    return Member(
        user=user,
        dialect=ProtocolVersion.V1,
        status=MemberStatus.PRESENT,
        joined_at=datetime(2026, 11, 30, tzinfo=UTC),
        token_hash=token_hash,
        grant=grant,
    )


async def test_in_open_mode_a_bot_is_watched_with_its_owner_and_nothing_of_it_stays(access: Access) -> None:
    opened = Access(access.requester, Mode.OPEN)
    owner, bot = User(id="ann", name="Ann"), User(id="bot-1", name="deploy")
    grant = Grant(role=Role.OPERATOR, source=bot_source("user:ann"))
    of_owner = Grant(role=Role.OPERATOR, source="invitation:ann")
    principal = Principal(
        AuthMethod.REGISTRATION,
        "user:bot-1",
        bot.name,
        Role.OPERATOR,
        frozenset({Action.CHAT}),
        bot,
        grant,
        "digest",
        BotOwner(user=owner, grants=(of_owner,)),
    )

    def close() -> None:
        opened.closed.append("bot")

    for _ in range(2):
        opened.watcher.watch("bot", principal, Action.CHAT, close)
        opened.watcher.watch_device("bot", member(bot, "digest", grant), "digest", close)
        opened.watcher.unwatch("bot")
        opened.watcher.on_member(member(owner, "other", of_owner), 1)
    assert not opened.closed
    opened.watcher.watch("bot", principal, Action.CHAT, close)
    opened.watcher.watch_device("bot", member(bot, "digest", grant), "digest", close)
    opened.watcher.on_member(member(bot, "another digest", grant), 2)
    assert opened.closed == ["bot"]


async def test_in_open_mode_a_device_is_watched_until_it_is_signed_out(access: Access) -> None:
    opened, ann = Access(access.requester, Mode.OPEN), User(id="ann", name="Ann")
    for digest in ("here", "gone"):
        close = partial(opened.closed.append, digest)
        opened.watcher.watch_device(digest, member(ann, "here"), digest, close)
    assert opened.closed == ["gone"]
    opened.watcher.on_member(member(ann, "here"), 1)
    assert opened.closed == ["gone"]
    opened.watcher.on_member(member(ann, "another"), 2)
    assert opened.closed == ["gone", "here"]
