"""A request to all subscribers of a subject."""

import asyncio

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.unsubscribe import unsubscribe_quietly
from opsroom_messaging.errors import UnavailableError

_IDLE_SECONDS = 0.3
"""Stop if no reply arrives for this long."""
_TOTAL_SECONDS = 2.0
"""Stop after this long in any case."""


async def request_many(
    broker: NatsConnection, subject: str, payload: bytes, *, max_replies: int
) -> list[bytes]:
    """The payloads of the replies, at most ``max_replies``, in the order of arrival.

    Raises:
        UnavailableError: the request could not be published.
    """
    replies: asyncio.Queue[Msg] = asyncio.Queue(max_replies)

    async def on_reply(message: Msg) -> None:
        if not replies.full():
            replies.put_nowait(message)

    payloads: list[bytes] = []
    try:
        subscription = await broker.client.subscribe(inbox := broker.client.new_inbox(), cb=on_reply)
        try:
            await broker.client.publish(subject, payload, reply=inbox)
            async with asyncio.timeout(_TOTAL_SECONDS):
                while len(payloads) < max_replies:
                    async with asyncio.timeout(_IDLE_SECONDS):
                        message = await replies.get()
                    if message.data:  # empty: the broker's "no responders"
                        payloads.append(message.data)
        except TimeoutError:
            pass
        finally:
            await unsubscribe_quietly(subscription)
    except NatsError as error:
        raise UnavailableError(f"requesting {subject}: {error}") from error
    return payloads
