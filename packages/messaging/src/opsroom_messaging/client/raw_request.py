"""One request to a service that is not Opsroom's, whose reply fits no contract of ours."""

from dataclasses import dataclass

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.micro.request import ERROR_CODE_HEADER, ERROR_HEADER

from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.errors import UnavailableError


class AbsentError(Exception):
    """Nobody listens on the subject: the request has reached nobody."""


class NoReplyError(Exception):
    """There was no reply in time. The request may have been done."""


@dataclass(frozen=True, slots=True)
class RawReply:
    """A reply. ``error``: what the service has said went wrong; None: nothing."""

    data: bytes
    error: str | None = None


async def request_raw(broker: NatsConnection, subject: str, payload: bytes, seconds: float) -> RawReply:
    """Send one request, and wait for the reply for ``seconds`` at most.

    Raises:
        AbsentError, NoReplyError: there is no reply.
        UnavailableError: the broker can't be asked.
    """
    try:
        reply = await broker.client.request(subject, payload, timeout=seconds)
    except NoRespondersError:
        raise AbsentError from None
    except TimeoutError:
        raise NoReplyError from None
    except NatsError as error:
        raise UnavailableError(f"requesting {subject}: {describe(error)}") from error
    headers = reply.headers or {}
    return RawReply(reply.data, headers.get(ERROR_HEADER, "") if ERROR_CODE_HEADER in headers else None)
