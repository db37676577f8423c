"""What a gateway knows of the commands of bots, while the service that finds them comes and goes."""

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.incidents.bot_commands import BotCommand, BotCommandsReply, BotCommandsRequest
from opsroom_gateway.chat.bot_commands import BotCatalog
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.client.request_client import RequestClient

DEPLOY = BotCommand(name="deploy", bot="ship", help="Deploy a service")


class World:
    """The time, and what bots offer."""

    def __init__(self) -> None:
        self.time = 0.0
        self.commands: tuple[BotCommand, ...] = ()
        self.asked = 0

    def now(self) -> float:
        """Return the time, which only the test changes."""
        return self.time

    async def answer(self, request: BotCommandsRequest) -> BotCommandsReply:
        """Answer as the service does."""
        self.asked += 1
        return BotCommandsReply(commands=self.commands)

    def service(self, broker: NatsConnection) -> MicroService:
        """Return the service, which is not started."""
        service = MicroService(broker, name="incidents", version="0.0.1", description="A test.", gauges=dict)
        service.add(endpoints.BOT_COMMANDS, self.answer)
        return service


@pytest.fixture
def world() -> World:
    """A world without bots."""
    return World()


async def test_what_was_known_holds_while_nobody_answers(broker: NatsConnection, world: World) -> None:
    catalog = BotCatalog(RequestClient(broker), world.now)
    assert (await catalog.all(), await catalog.find("deploy")) == ((), None)
    world.commands, world.time = (DEPLOY,), 10.0
    service = world.service(broker)
    await service.start()
    assert (await catalog.all(), await catalog.find("deploy")) == ((DEPLOY,), DEPLOY)
    await service.stop()
    world.time = 1_000.0
    assert (await catalog.all(), await catalog.find("deploy")) == ((DEPLOY,), DEPLOY)


async def test_it_asks_seldom_however_often_it_is_asked(broker: NatsConnection, world: World) -> None:
    catalog = BotCatalog(RequestClient(broker), world.now)
    world.commands = (DEPLOY,)
    service = world.service(broker)
    await service.start()
    for _ in range(5):
        assert await catalog.find("deploy") == DEPLOY
        assert await catalog.find("dance") is None
    assert world.asked == 1
    world.time = 3.0
    assert await catalog.find("deploy") == DEPLOY
    assert world.asked == 1, "what is known is good for longer than what is not"
    world.commands = ()
    assert await catalog.find("dance") is None
    assert await catalog.find("deploy") is None
    assert world.asked == 2
    await service.stop()
