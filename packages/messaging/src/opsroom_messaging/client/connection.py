"""One bounded, checked connection to a broker that can do what Opsroom needs."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError, SlowConsumerError
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NoStreamResponseError, ServerError, ServiceUnavailableError

from opsroom_messaging.client.credentials import Credentials, CredentialsError
from opsroom_messaging.client.server_urls import AddressError, addresses, hosts
from opsroom_messaging.runtime.metrics import Counter, Metrics, single
from opsroom_messaging.runtime.tracing import NoTracer, Tracer

MINIMUM_VERSION = (2, 12)
"""Older servers accept schedules and atomic batches in silence and never honour them."""
MINIMUM_API_LEVEL = 2
REQUEST_TIMEOUT_SECONDS = 5.0
_NOT_ENABLED = 10039
_FLUSH_SECONDS = 5
_DROPS_TOLD = 1000
"""Of so many dropped messages one is logged."""
_LISTEN_MESSAGES = 4096
_LISTEN_BYTES = 4 * 1024 * 1024

_CONNECTION_LOST = (OSError, TypeError, AttributeError)
"""What the client raises when it writes to a connection that is gone. All but the first come from an error in
asyncio, in Python 3.12.0 to 3.13.7 (python/cpython#136234): a closed transport's ``writelines`` uses None."""

_NO_PROOF = Credentials()
_NO_TRACES = NoTracer()
_REFUSED = "authorization violation"

log = logging.getLogger(__name__)


def inbox_prefix(name: str) -> str:
    """Where answers to the process ``name`` come in."""
    return f"_INBOX.{name}"


def describe(error: BaseException) -> str:
    """What to log of ``error``: its words, or its kind where it has none (as a time-out)."""
    return str(error) or type(error).__name__


class BrokerUnusableError(Exception):
    """The broker can't be reached or can't do what Opsroom needs; the message says which, in one line."""


class BrokerUnavailableError(BrokerUnusableError):
    """It can't do it now, and may a moment later: it is down, starts, or chooses a leader."""


class _RefusedError(Exception):
    """The broker does not take our proof of who we are."""


@dataclass(slots=True)
class NatsConnection:
    """A live connection. Reconnects for ever by itself; each part of a process waits only so long.

    With it come what the process counts (``metrics``) and where it tells its hops (``traces``).
    """

    client: Client
    jetstream: JetStreamContext
    traces: Tracer = _NO_TRACES
    metrics: Metrics = field(default_factory=Metrics)
    _on_reconnect: list[Callable[[], None]] = field(default_factory=list)
    dropped: int = 0
    """Messages that this process did not take in time; whoever follows a stream reads them again."""

    @property
    def connected(self) -> bool:
        """Whether the connection is up at this moment."""
        return self.client.is_connected

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called after each time the connection has come back."""
        self._on_reconnect.append(callback)

    async def reconnected(self) -> None:
        """Tell everyone who asked that the connection is back."""
        log.info("the broker is back at %s", _address(self.client))
        for callback in self._on_reconnect:
            callback()

    def note_error(self, error: Exception) -> None:
        """Count and log what the client reports nowhere else: denied publishes and slow consumers."""
        if isinstance(error, OSError):
            return  # an attempt that failed: that the broker is gone is said once, that it never was, too
        if isinstance(error, SlowConsumerError):
            self.dropped += 1
            if self.dropped % _DROPS_TOLD != 1:
                return  # they come by the thousand
        log.warning("broker: %s", describe(error))

    async def publish(self, subject: str, payload: bytes) -> None:
        """Say something once, unstored; lost if nobody listens."""
        await self.client.publish(subject, payload)

    async def listen(self, subject: str, receive: Callable[[bytes], None]) -> None:
        """Have ``receive`` called with whatever is said on ``subject`` from now on; nothing is kept."""

        async def on_message(message: Msg) -> None:
            receive(message.data)

        await self.client.subscribe(
            subject, cb=on_message, pending_msgs_limit=_LISTEN_MESSAGES, pending_bytes_limit=_LISTEN_BYTES
        )

    async def close(self) -> None:
        """Send what is buffered and close. While the broker is away, what is buffered is lost."""
        if self.connected:
            # Not the client's drain: if the connection breaks meanwhile, its tasks fail with nobody to await
            # them, and it waits for the rest.
            with suppress(TimeoutError, NatsError, *_CONNECTION_LOST):
                await self.client.flush(_FLUSH_SECONDS)
        await _close(self.client)


def unconnected() -> NatsConnection:
    """A broker that nobody has connected to: for describing what would stand on it."""
    client = Client()
    return NatsConnection(client, client.jetstream())


async def connect(
    url: str,
    *,
    name: str,
    access: Credentials = _NO_PROOF,
    traces: Tracer = _NO_TRACES,
    timeout: float = 10.0,
) -> NatsConnection:
    """Connect to the broker at ``url`` (comma-separated for a cluster) as ``name`` and check that it will do.

    Answers come back on ``_INBOX.<name>.>``, where the broker lets nobody else listen.

    Raises:
        BrokerUnusableError: no answer within ``timeout`` seconds, refused, no JetStream, or too old.
    """
    try:
        proof, servers = access.options(), addresses(url)
    except (CredentialsError, AddressError) as error:
        raise BrokerUnusableError(str(error)) from error
    client = Client()
    broker = NatsConnection(client, client.jetstream(timeout=REQUEST_TIMEOUT_SECONDS), traces)
    refused = asyncio.Event()
    attempt = _attempt(broker, refused, {"servers": servers, "name": name, **proof})
    try:
        await _reach(_unless(refused, attempt), hosts(servers), timeout)
        await _check(broker)
    except BrokerUnusableError:
        await _close(client)
        raise
    return broker


def _attempt(
    broker: NatsConnection, refused: asyncio.Event, options: dict[str, Any]
) -> Coroutine[Any, Any, None]:
    """The client's way to the broker, and back to it later. ``refused`` is set if it is not let in."""
    client, errors = broker.client, _measure(broker)

    async def on_error(error: Exception) -> None:
        errors.add("slow_consumer" if isinstance(error, SlowConsumerError) else "other")
        if _REFUSED in str(error).lower():
            refused.set()
        broker.note_error(error)

    async def on_disconnect() -> None:
        if not client.is_draining and not client.is_closed:
            log.warning("the broker is gone; reconnecting")

    return client.connect(
        **options,
        inbox_prefix=inbox_prefix(options["name"]),
        error_cb=on_error,
        disconnected_cb=on_disconnect,
        reconnected_cb=broker.reconnected,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,  # type: ignore[arg-type]  # seconds; a fraction is fine with the client
        connect_timeout=2,
        ping_interval=5,
        max_outstanding_pings=2,
    )


async def _reach(attempt: Coroutine[Any, Any, None], at: str, timeout: float) -> None:
    """Await ``attempt``, and say in one line what came of it.

    Raises:
        BrokerUnusableError: as ``connect``.
    """
    logger = logging.getLogger("nats.aio.client")
    logger.addFilter(_quiet_first_connect)
    try:
        await asyncio.wait_for(attempt, timeout)
    except _RefusedError:
        raise BrokerUnusableError(
            f"NATS at {at} refuses who we say we are: see NATS_USER, NATS_PASSWORD_FILE"
            " and NATS_CREDENTIALS_FILE"
        ) from None
    except TimeoutError:
        raise BrokerUnavailableError(f"no NATS server answered at {at} within {timeout:g} s") from None
    except (NatsError, OSError, ValueError) as error:
        raise BrokerUnusableError(f"can't connect to NATS at {at}: {error}") from error
    finally:
        logger.removeFilter(_quiet_first_connect)


async def _close(client: Client) -> None:
    # The client writes what is buffered even where the connection is gone. By then it has ended its own
    # tasks. Only those that wait for messages are left, and end with the event loop.
    with suppress(*_CONNECTION_LOST):
        await client.close()


def _measure(broker: NatsConnection) -> Counter:
    """Show what the client counts; what is returned counts its troubles."""
    metrics, stats = broker.metrics, broker.client.stats
    metrics.gauge("nats_connected", "1 while the broker is connected.", single(lambda: broker.connected))
    metrics.counter_callback(
        "nats_reconnects", "Times the broker came back.", single(lambda: stats["reconnects"])
    )
    metrics.counter_callback(
        "nats_messages",
        "Messages exchanged with the broker.",
        lambda: {("in",): stats["in_msgs"], ("out",): stats["out_msgs"]},
        ("direction",),
    )
    metrics.counter_callback(
        "nats_bytes",
        "Payload exchanged with the broker.",
        lambda: {("in",): stats["in_bytes"], ("out",): stats["out_bytes"]},
        ("direction",),
    )
    errors = metrics.counter("nats_troubles", "What the client reported; see the log.", ("kind",))
    errors.add("slow_consumer", amount=0)
    return errors


async def _unless(refused: asyncio.Event, attempt: Coroutine[Any, Any, None]) -> None:
    """Await ``attempt``. The client goes on trying what the broker refused; that will not change."""
    connecting, told = asyncio.ensure_future(attempt), asyncio.ensure_future(refused.wait())
    try:
        await asyncio.wait((connecting, told), return_when=asyncio.FIRST_COMPLETED)
        if not connecting.done():
            raise _RefusedError
        await connecting
    finally:
        connecting.cancel()
        told.cancel()


def _quiet_first_connect(record: logging.LogRecord) -> bool:
    """Drop the client's own report of every failed attempt: ours says it once, in one line."""
    return "Connection refused" not in record.getMessage()


def _address(client: Client) -> str:
    url = client.connected_url
    return url.netloc if url is not None else "(nowhere)"


def is_passing(error: Exception) -> bool:
    """Whether JetStream may do a moment later what it refused with ``error``."""
    if isinstance(error, ServiceUnavailableError):
        return error.err_code not in {None, _NOT_ENABLED}
    return isinstance(error, TimeoutError | NoStreamResponseError | ServerError | NoRespondersError)


async def _check(broker: NatsConnection) -> None:
    version = broker.client.connected_server_version
    needed = ".".join(map(str, MINIMUM_VERSION))
    if (version.major, version.minor) < MINIMUM_VERSION:
        raise BrokerUnusableError(
            f"NATS server {version.major}.{version.minor}.{version.patch} is too old: "
            f"Opsroom needs {needed} or newer"
        )
    try:
        account = await broker.jetstream.account_info()
    except (JetStreamError, NatsError, TimeoutError) as error:
        if is_passing(error):
            raise BrokerUnavailableError(f"JetStream does not answer yet: {describe(error)}") from error
        raise BrokerUnusableError(f"JetStream is not enabled on the NATS server: {error}") from error
    if (account.api.level or 0) < MINIMUM_API_LEVEL:
        raise BrokerUnusableError(
            f"the NATS server speaks JetStream API level {account.api.level}: "
            f"Opsroom needs {MINIMUM_API_LEVEL} (server {needed} or newer)"
        )
