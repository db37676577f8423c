"""A connection to the broker, with checks of its version and features."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError, SlowConsumerError
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NoStreamResponseError, ServerError, ServiceUnavailableError

from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.client.nats_client import NatsClient
from opsroom_messaging.client.server_urls import parse_server_urls, redact_server_urls
from opsroom_messaging.client.unsubscribe import Subscription
from opsroom_messaging.deployment.private_files import provider_of
from opsroom_messaging.errors import (
    BrokerUnavailableError,
    BrokerUnusableError,
    CredentialsError,
    InvalidServerUrlError,
)
from opsroom_runtime.metrics import Counter, Metrics, single
from opsroom_runtime.readiness import Readiness
from opsroom_runtime.spans import Tracer
from opsroom_runtime.tracing import NoTracer

MINIMUM_VERSION = (2, 12)
"""Older servers accept message schedules and atomic batches without an error, but ignore them."""
MINIMUM_API_LEVEL = 2
REQUEST_TIMEOUT_SECONDS = 5.0
_JETSTREAM_NOT_ENABLED = 10039
_FLUSH_SECONDS = 5
_CLOSE_SECONDS = 2.0
_DROPS_PER_LOG_LINE = 1000
_SUBSCRIBE_MESSAGES = 4096
_SUBSCRIBE_BYTES = 4 * 1024 * 1024

_CONNECTION_LOST = (OSError, TypeError, AttributeError)
"""Raised by the client when it writes to a lost connection. All but the first come from a bug in asyncio of
Python 3.12.0 to 3.13.7 (python/cpython#136234): ``writelines`` of a closed transport uses None."""

_NO_CREDENTIALS = Credentials()
_NO_TRACER = NoTracer()
_AUTHORIZATION_VIOLATION = "authorization violation"

log = logging.getLogger(__name__)


def inbox_prefix(name: str, user: str | None) -> str:
    """The prefix of the reply subjects of the process ``name``, which connects as ``user``.

    An agent with its own user must not receive the replies to others.
    """
    own = user if user is not None and provider_of(user) is not None else name
    return f"_INBOX.{own}"


def describe(error: BaseException) -> str:
    """A text for the log: the message of ``error``, or its type if the message is empty (as of a timeout)."""
    return str(error) or type(error).__name__


@dataclass(slots=True)
class NatsConnection:
    """A NATS connection that reconnects by itself without a time limit.

    Attributes:
        client: the client of nats-py.
        jetstream: its JetStream context.
        tracer: creates spans for requests, writes and deliveries.
        connect_again: opens another connection like this one, with its own metrics, for any event loop.
        metrics: the metrics of this process.
        readiness: what must be fulfilled for this process to be ready; components add their checks.
        dropped: messages that this process received faster than it handled them. Stream subscriptions read
            them again.
        full_streams: streams that the broker has no room for at this moment.
    """

    client: Client
    jetstream: JetStreamContext
    tracer: Tracer = _NO_TRACER
    connect_again: "Callable[[], Coroutine[Any, Any, NatsConnection]] | None" = None
    metrics: Metrics = field(default_factory=Metrics)
    readiness: Readiness = field(default_factory=Readiness)
    _on_reconnect: list[Callable[[], None]] = field(default_factory=list)
    _on_write_failure: list[Callable[[str], None]] = field(default_factory=list)
    dropped: int = 0
    full_streams: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.readiness.add(lambda: None if self.connected else "the broker is not connected")

    @property
    def connected(self) -> bool:
        """Whether the connection is up now."""
        return self.client.is_connected

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` after each reconnect."""
        self._on_reconnect.append(callback)

    def on_write_failure(self, callback: Callable[[str], None]) -> None:
        """Call ``callback`` with the subject of each write that has got no reply, or a temporary error."""
        self._on_write_failure.append(callback)

    def notify_write_failed(self, subject: str) -> None:
        """Call the callbacks that were registered with ``on_write_failure``."""
        for callback in self._on_write_failure:
            callback(subject)

    async def notify_reconnected(self) -> None:
        """Call the callbacks that were registered with ``on_reconnect``."""
        log.info("reconnected to the broker at %s", _connected_address(self.client))
        for callback in self._on_reconnect:
            callback()

    def handle_error(self, error: Exception) -> None:
        """Count and log errors that the client reports only here: denied publishes and slow consumers."""
        if isinstance(error, OSError):
            return  # a failed reconnect attempt; the disconnect itself is logged once
        if isinstance(error, SlowConsumerError):
            self.dropped += 1
            if self.dropped % _DROPS_PER_LOG_LINE != 1:
                return
        log.warning("broker: %s", describe(error))

    async def open_another(self) -> "NatsConnection":
        """Open another connection of this process, whose users register their metrics here.

        It is for a subscription that reads very much: replies on this one would arrive after all of that.

        Raises:
            BrokerUnusableError: as ``connect``.
        """
        if self.connect_again is None:
            raise BrokerUnusableError("this connection was never opened")
        another = await self.connect_again()
        another.metrics = self.metrics
        return another

    async def publish(self, subject: str, payload: bytes) -> None:
        """Publish a message that is not stored; without a subscriber or a connection it is lost."""
        with suppress(NatsError, *_CONNECTION_LOST):
            await self.client.publish(subject, payload)

    async def subscribe(self, subject: str, handler: Callable[[bytes], None]) -> Subscription:
        """Call ``handler`` with the payload of each message on ``subject`` from now on.

        To end it, pass the result to ``unsubscribe_quietly``.
        """

        async def on_message(message: Msg) -> None:
            handler(message.data)

        return await self.client.subscribe(
            subject,
            cb=on_message,
            pending_msgs_limit=_SUBSCRIBE_MESSAGES,
            pending_bytes_limit=_SUBSCRIBE_BYTES,
        )

    async def close(self) -> None:
        """Send what is buffered, then close. While disconnected, buffered messages are lost."""
        if self.connected:
            # Don't use the client's drain: if the connection breaks meanwhile, its tasks fail without being
            # awaited, and it waits for the remaining ones.
            with suppress(TimeoutError, NatsError, *_CONNECTION_LOST):
                await self.client.flush(_FLUSH_SECONDS)
        await _close(self.client)


def unconnected() -> NatsConnection:
    """A connection object without a connection, for code that only describes an application."""
    client = NatsClient()
    return NatsConnection(client, client.jetstream())


async def connect(
    url: str,
    *,
    name: str,
    credentials: Credentials = _NO_CREDENTIALS,
    tracer: Tracer = _NO_TRACER,
    timeout: float = 10.0,
) -> NatsConnection:
    """Connect to the broker at ``url`` as ``name`` and check its version and features.

    ``url`` is comma-separated for a cluster. Replies arrive below `inbox_prefix`, to which other
    users may not subscribe.

    Raises:
        BrokerUnusableError: no reply within ``timeout`` seconds, wrong credentials, no JetStream, or a server
            that is too old.
    """
    try:
        options, servers = credentials.options(), parse_server_urls(url)
    except (CredentialsError, InvalidServerUrlError) as error:
        raise BrokerUnusableError(str(error)) from error
    client = NatsClient()
    broker = NatsConnection(client, client.jetstream(timeout=REQUEST_TIMEOUT_SECONDS), tracer)
    broker.connect_again = partial(connect, url, name=name, credentials=credentials, timeout=timeout)
    rejected = asyncio.Event()
    attempt = _connect_client(broker, rejected, {"servers": servers, "name": name, **options})
    try:
        await _await_connect(attempt, rejected, redact_server_urls(servers), timeout)
        await _check_features(broker)
    except BrokerUnusableError:
        await _close(client)
        raise
    return broker


def _connect_client(
    broker: NatsConnection, rejected: asyncio.Event, options: dict[str, Any]
) -> Coroutine[Any, Any, None]:
    """Connect, and reconnect later. Sets ``rejected`` if the broker rejects the credentials."""
    client, errors = broker.client, _register_metrics(broker)

    async def on_error(error: Exception) -> None:
        errors.add("slow_consumer" if isinstance(error, SlowConsumerError) else "other")
        if _AUTHORIZATION_VIOLATION in str(error).lower():
            rejected.set()
        broker.handle_error(error)

    async def on_disconnect() -> None:
        if not client.is_draining and not client.is_closed:
            log.warning("disconnected from the broker; reconnecting")

    return client.connect(
        **options,
        inbox_prefix=inbox_prefix(options["name"], options.get("user")),
        error_cb=on_error,
        disconnected_cb=on_disconnect,
        reconnected_cb=broker.notify_reconnected,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,  # type: ignore[arg-type]  # seconds; the client accepts fractions
        connect_timeout=2,
        ping_interval=5,
        max_outstanding_pings=2,
    )


async def _await_connect(
    attempt: Coroutine[Any, Any, None], rejected: asyncio.Event, servers: str, timeout: float
) -> None:
    """Await ``attempt`` and turn its errors into one line each.

    Raises:
        BrokerUnusableError: as ``connect``.
    """
    logger = logging.getLogger("nats.aio.client")
    refused = partial(_drop_connection_refused)  # another filter for each of the connects at the same time
    logger.addFilter(refused)
    try:
        await asyncio.wait_for(_until_rejected(attempt, rejected, servers), timeout)
    except TimeoutError:
        raise BrokerUnavailableError(f"no NATS server answered at {servers} within {timeout:g} s") from None
    except (NatsError, OSError, ValueError) as error:
        raise BrokerUnusableError(f"can't connect to NATS at {servers}: {error}") from error
    finally:
        logger.removeFilter(refused)


async def _until_rejected(attempt: Coroutine[Any, Any, None], rejected: asyncio.Event, servers: str) -> None:
    """Await ``attempt``, but stop once the broker rejects the credentials: the client would retry forever."""
    connecting, rejection = asyncio.ensure_future(attempt), asyncio.ensure_future(rejected.wait())
    try:
        await asyncio.wait((connecting, rejection), return_when=asyncio.FIRST_COMPLETED)
        if not connecting.done():
            raise BrokerUnusableError(
                f"NATS at {servers} rejects our credentials: see NATS_USER, NATS_PASSWORD_FILE"
                " and NATS_CREDENTIALS_FILE"
            )
        await connecting
    finally:
        connecting.cancel()
        rejection.cancel()
        await asyncio.wait((connecting, rejection), timeout=_CLOSE_SECONDS)


async def _close(client: Client) -> None:
    # The client writes its buffer even if the connection is lost. By then it has ended its own tasks; only
    # those that wait for messages remain, and they end with the event loop. It also waits until the transport
    # is closed, which asyncio never reports if the TLS handshake was cancelled or has failed.
    with suppress(TimeoutError, *_CONNECTION_LOST):
        await asyncio.wait_for(client.close(), _CLOSE_SECONDS)


def _register_metrics(broker: NatsConnection) -> Counter:
    """Export the client's statistics as metrics; returns the counter of its errors."""
    metrics, stats = broker.metrics, broker.client.stats
    metrics.gauge("nats_connected", "1 while the broker is connected.", single(lambda: broker.connected))
    metrics.counter_callback(
        "nats_reconnects", "Reconnects to the broker.", single(lambda: stats["reconnects"])
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
    errors = metrics.counter("nats_troubles", "Errors that the client reported; see the log.", ("kind",))
    errors.add("slow_consumer", amount=0)
    return errors


def _drop_connection_refused(record: logging.LogRecord) -> bool:
    """Log filter: drop the client's report of each failed attempt; ``connect`` raises one error instead."""
    return "Connection refused" not in record.getMessage()


def _connected_address(client: Client) -> str:
    url = client.connected_url
    return url.netloc if url is not None else "(not connected)"


def is_transient(error: Exception) -> bool:
    """Whether a JetStream request that failed with ``error`` may succeed a moment later."""
    if isinstance(error, ServiceUnavailableError):
        return error.err_code not in {None, _JETSTREAM_NOT_ENABLED}
    return isinstance(error, TimeoutError | NoStreamResponseError | ServerError | NoRespondersError)


async def _check_features(broker: NatsConnection) -> None:
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
        if is_transient(error):
            raise BrokerUnavailableError(f"JetStream does not answer yet: {describe(error)}") from error
        raise BrokerUnusableError(f"JetStream is not enabled on the NATS server: {error}") from error
    if (account.api.level or 0) < MINIMUM_API_LEVEL:
        raise BrokerUnusableError(
            f"the NATS server has JetStream API level {account.api.level}: "
            f"Opsroom needs {MINIMUM_API_LEVEL} (server {needed} or newer)"
        )
