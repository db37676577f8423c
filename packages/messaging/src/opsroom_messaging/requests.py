"""Asking a service: typed, bounded, and asked again while nobody answers."""

import asyncio
from time import monotonic
from typing import TypeVar

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.micro.request import ERROR_CODE_HEADER
from pydantic import TypeAdapter

from opsroom_contracts.codec import MAX_PAYLOAD_BYTES, ContractError, contract_of, decode, encode
from opsroom_contracts.errors import FAULT, RETRYABLE, ErrorCode, FaultError, refuse
from opsroom_contracts.model import Model
from opsroom_messaging.connection import Broker
from opsroom_messaging.tracing import Hop

_PAUSES = (0.05, 0.1, 0.2, 0.4)
_REPLY_MAX_BYTES = 4 * MAX_PAYLOAD_BYTES

ReplyT = TypeVar("ReplyT", bound=Model)


class Requester:
    """Asks services over NATS.

    Every request of Opsroom carries an id that makes a second ask harmless, so one that got no answer
    is asked again until ``patience`` seconds have gone. The first ask waits ``attempt`` seconds for an
    answer and each one after a silence twice as long: what only takes its time must not be asked ever more.
    """

    def __init__(self, broker: Broker, *, patience: float = 5.0, attempt: float = 3.0) -> None:
        self._broker = broker
        self._patience = patience
        self._attempt = attempt
        self._asked = broker.metrics.histogram(
            "request_seconds", "Time to the answer of a service, retries included.", ("subject", "outcome")
        )

    async def ask(
        self, subject: str, request: Model, reply: type[ReplyT], *, patience: float | None = None
    ) -> ReplyT:
        """Answers what the service answered.

        Raises:
            FaultError: the service refused; or ``unavailable``, when nobody answered in time.
        """
        began = monotonic()
        outcome = "cancelled"
        try:
            with self._broker.traces.hop(f"ask {subject}", Hop.ASK):
                answer = await self._ask(subject, request, reply, patience)
            outcome = "ok"
        except FaultError as error:
            outcome = error.fault.code.value
            raise
        finally:
            self._asked.observe(monotonic() - began, subject, outcome)
        return answer

    async def _ask(self, subject: str, request: Model, reply: type[ReplyT], patience: float | None) -> ReplyT:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self._patience if patience is None else patience)
        contract = contract_of(reply)
        payload = encode(request)
        headers = self._broker.traces.headers() or None
        wait = self._attempt
        for attempt in range(1_000_000):
            left = deadline - loop.time()
            refusal: FaultError
            try:
                message = await self._broker.client.request(
                    subject, payload, timeout=max(0.05, min(wait, left)), headers=headers
                )
                return _read(message, contract)
            except FaultError as error:
                if error.fault.code not in RETRYABLE:
                    raise
                refusal = error
            except NoRespondersError:
                refusal = refuse(ErrorCode.UNAVAILABLE, f"no service answers on {subject}; try again")
            except (NatsError, TimeoutError):
                wait *= 2
                refusal = refuse(ErrorCode.UNAVAILABLE, f"no answer on {subject} in time; try again")
            pause = _PAUSES[min(attempt, len(_PAUSES) - 1)]
            if loop.time() + pause >= deadline:
                raise refusal
            await asyncio.sleep(pause)
        raise AssertionError("unreachable: the deadline ends the loop")

    async def answers(self, service: str, timeout: float = 1.0) -> bool:
        """Whether at least one process of ``service`` answers a ping within ``timeout`` seconds."""
        try:
            await self._broker.client.request(f"$SRV.PING.{service}", b"", timeout=timeout)
        except (NatsError, TimeoutError):
            return False
        return True


def _read(message: Msg, contract: TypeAdapter[ReplyT]) -> ReplyT:
    if message.headers and ERROR_CODE_HEADER in message.headers:
        try:
            raise FaultError(decode(FAULT, message.data))
        except ContractError:
            raise refuse(ErrorCode.INTERNAL, "a service answered with an error that can't be read") from None
    try:
        return decode(contract, message.data, _REPLY_MAX_BYTES)
    except ContractError as error:
        raise refuse(ErrorCode.INTERNAL, f"a service answered what can't be read: {error}") from error
