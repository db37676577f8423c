"""Taking back interest in a subject, for good."""

from typing import Protocol

from nats.errors import Error as NatsError


class Subscription(Protocol):
    """Any of the client's."""

    async def unsubscribe(self) -> None:
        """Take back interest."""


async def end(subscription: Subscription) -> None:
    """Unsubscribe, also while the broker is away.

    What the client still knows of, it subscribes to anew when it is connected again, and a consumer whose
    interest comes back in time goes on to deliver.
    """
    try:
        await subscription.unsubscribe()
    except NatsError:
        return  # the connection is closed or closing, and everything with it
