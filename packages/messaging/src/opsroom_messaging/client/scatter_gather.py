"""Asking everybody who answers on a subject, not one of them."""

import asyncio

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.unsubscribe import end
from opsroom_messaging.jetstream.stream_reader import UnavailableError

_QUIET_SECONDS = 0.3
"""When nobody else has answered for so long, all have."""
_ASK_SECONDS = 2.0
"""However many answer, and however slowly, no longer."""


async def request_many(broker: NatsConnection, subject: str, payload: bytes, *, most: int) -> list[bytes]:
    """What they answer, at most ``most`` of them, as it came.

    Raises:
        UnavailableError: the broker did not take the question.
    """
    answers: asyncio.Queue[Msg] = asyncio.Queue(most)

    async def take(message: Msg) -> None:
        if not answers.full():
            answers.put_nowait(message)

    found: list[bytes] = []
    try:
        subscription = await broker.client.subscribe(inbox := broker.client.new_inbox(), cb=take)
        try:
            await broker.client.publish(subject, payload, reply=inbox)
            async with asyncio.timeout(_ASK_SECONDS):
                while len(found) < most:
                    async with asyncio.timeout(_QUIET_SECONDS):
                        message = await answers.get()
                    if message.data:  # empty: nobody is there
                        found.append(message.data)
        except TimeoutError:
            pass
        finally:
            await end(subscription)
    except NatsError as error:
        raise UnavailableError(f"asking {subject}: {error}") from error
    return found
