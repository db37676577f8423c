"""Unsubscribing while disconnected."""

from typing import Protocol

from nats.errors import Error as NatsError


class Subscription(Protocol):
    """Any subscription of nats-py."""

    async def unsubscribe(self) -> None:
        """Unsubscribe."""


async def unsubscribe_quietly(subscription: Subscription) -> None:
    """Unsubscribe, even while disconnected.

    After a reconnect the client restores all subscriptions that it knows. A push consumer whose inbox is
    restored within its inactivity threshold goes on delivering, so an unused subscription must be removed.
    """
    try:
        await subscription.unsubscribe()
    except NatsError:
        return  # the connection is closed or closing, and its subscriptions with it
