"""nats-py's client, with a flush that nothing overtakes, and a list of what a service has subscribed to."""

from typing import Any

from nats.aio.client import DEFAULT_FLUSH_TIMEOUT, Client
from nats.aio.subscription import Subscription


class NatsClient(Client):
    """nats-py's client with a flush that waits for all commands before it.

    The library writes the ping of a flush at once, and commands such as an unsubscribe a moment later, from
    a task. So the broker may reply to the ping before it has processed the command, and a drain, which is an
    unsubscribe and a flush, loses the requests that the broker still delivers. When the first reply has
    arrived, that task has run, and the second round trip comes after the commands.
    """

    async def flush(self, timeout: int = DEFAULT_FLUSH_TIMEOUT) -> None:
        """Wait until the broker has processed what was sent before.

        Raises:
            nats.errors.FlushTimeoutError: one of the two round trips took longer than ``timeout`` seconds.
        """
        await super().flush(timeout)
        await super().flush(timeout)


class SubscriptionRecorder:
    """Stands for ``client`` in a service of ``nats.micro``, whose subscriptions are not public."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.subscriptions: list[Subscription] = []
        """In the order in which the service has subscribed."""

    async def subscribe(self, *arguments: Any, **options: Any) -> Subscription:
        """Subscribe, and keep the subscription."""
        subscription = await self._client.subscribe(*arguments, **options)
        self.subscriptions.append(subscription)
        return subscription

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
