"""The streams and buckets that Opsroom keeps in the broker, and how they come to be."""

import asyncio
import logging
from dataclasses import dataclass, fields, replace

from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import APIError, NotFoundError
from nats.js.errors import Error as JetStreamError

from opsroom_contracts import subjects
from opsroom_messaging.client.connection import (
    BrokerUnavailableError,
    BrokerUnusableError,
    NatsConnection,
    describe,
    is_passing,
)

_STREAM_EXISTS = 10058
_NO_CLUSTER = 10074
_TOO_FEW_NODES = 10005
_NO_ROOM = 10047
_SHRINK = 4
"""So coarse that whoever comes first leaves the others their share."""
_LEAST_BYTES = 64 * 1024**2
"""A smaller stream than this is of no use to anybody."""
_DUPLICATES_SECONDS = 120.0
"""What the broker does by itself; it is said so that a stream can be compared with what it ought to be."""
GATEWAY_LEASE_SECONDS = 20
"""How long a gateway's lease outlives its last renewal."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """A stream as Opsroom needs it. Ages in seconds, sizes in bytes; 0 and -1 mean no limit."""

    name: str
    subjects: tuple[str, ...]
    max_age: float = 0
    max_bytes: int = -1
    per_subject: int = -1
    replicas: int = 1


def chat_stream(*, max_age: float, max_bytes: int, replicas: int) -> StreamSpec:
    """Messages, dropped by age in seconds and by size in bytes, oldest first."""
    return StreamSpec(
        subjects.CHAT_STREAM,
        (subjects.CHAT_EVENTS, subjects.CHAT_ERASURES),
        max_age=max_age,
        max_bytes=max_bytes,
        replicas=replicas,
    )


def members_stream(*, replicas: int) -> StreamSpec:
    """People, names, mutes and bans: only the last record of each counts, so only that is kept."""
    return StreamSpec(
        subjects.MEMBERS_STREAM,
        (subjects.MEMBERS, subjects.NAMES, subjects.RESTRICTIONS, subjects.MODERATED),
        per_subject=1,
        replicas=replicas,
    )


def cloud_stream(*, max_age: float, replicas: int) -> StreamSpec:
    """Events and timers of instances, events dropped by age in seconds."""
    return StreamSpec(
        subjects.CLOUD_STREAM,
        (
            subjects.CLOUD_EVENTS,
            subjects.CLOUD_TIMERS,
            subjects.CLOUD_DUE,
            subjects.CLOUD_OPERATIONS,
        ),
        max_age=max_age,
        replicas=replicas,
    )


def audit_stream(*, max_age: float, max_bytes: int, replicas: int) -> StreamSpec:
    """The audit, dropped by age in seconds and by size in bytes, oldest first: it is never full."""
    return StreamSpec(
        subjects.AUDIT_STREAM, (subjects.AUDIT,), max_age=max_age, max_bytes=max_bytes, replicas=replicas
    )


def gateways_bucket(*, replicas: int) -> StreamSpec:
    """The key-value bucket of gateway leases; a key that is not renewed vanishes."""
    return StreamSpec(
        f"KV_{subjects.GATEWAYS_BUCKET}",
        (f"$KV.{subjects.GATEWAYS_BUCKET}.>",),
        max_age=GATEWAY_LEASE_SECONDS,
        per_subject=1,
        replicas=replicas,
    )


async def ensure_stream(broker: NatsConnection, spec: StreamSpec) -> None:
    """Create the stream, or bring an existing one to ``spec``; safe when many processes do it at once.

    More copies than there are get made while all goes on; copies are never taken away, as a process that
    lacks the setting would. Where the broker's disk has no room for ``max_bytes``, the stream holds less, and
    a warning says how much.

    Raises:
        BrokerUnusableError: the broker refused, has fewer nodes or the stream more copies than is asked
            for, or it does not honour what the stream asks for.
    """
    try:
        info = await _made(broker, spec)
    except (JetStreamError, NatsError, TimeoutError) as error:
        raise _not_made(spec, error) from error
    if not (info.config.allow_atomic and info.config.allow_msg_schedules):
        raise BrokerUnusableError(
            f"the broker does not honour what stream {spec.name} needs: use NATS server 2.12 or newer"
        )


async def _made(broker: NatsConnection, spec: StreamSpec) -> StreamInfo:
    try:
        existing = await broker.jetstream.stream_info(spec.name)
    except NotFoundError:
        try:
            return await _created(broker, spec)
        except APIError as error:
            if error.err_code != _STREAM_EXISTS:
                raise
        existing = await broker.jetstream.stream_info(spec.name)  # of another process, just now
    _check_copies(existing.config, spec)
    return await _updated(broker, spec, existing)


async def _created(broker: NatsConnection, spec: StreamSpec) -> StreamInfo:
    """The broker sets aside what a stream may grow to. Where it has less, the stream gets what there is."""
    config = _config(spec)
    while True:
        try:
            info = await broker.jetstream.add_stream(config)
        except APIError as error:
            less = (config.max_bytes or 0) // _SHRINK
            if error.err_code != _NO_ROOM or less < _LEAST_BYTES:
                raise
            config = replace(config, max_bytes=less)
        else:
            _warn_of_size(spec, info.config)
            return info


async def _updated(broker: NatsConnection, spec: StreamSpec, existing: StreamInfo) -> StreamInfo:
    """What is as it should be is left alone: on a disk that has filled even that would be refused."""
    config, there = _config(spec), existing.config
    if _is_same(there, config):
        return existing
    try:
        return await broker.jetstream.update_stream(config)
    except APIError as error:
        if error.err_code != _NO_ROOM or not _is_same(there, replace(config, max_bytes=there.max_bytes)):
            raise
    _warn_of_size(spec, there)
    return existing


def _config(spec: StreamSpec) -> StreamConfig:
    return StreamConfig(
        name=spec.name,
        subjects=list(spec.subjects),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        max_age=spec.max_age,
        max_bytes=spec.max_bytes,
        max_msgs_per_subject=spec.per_subject,
        num_replicas=spec.replicas,
        duplicate_window=min(_DUPLICATES_SECONDS, spec.max_age or _DUPLICATES_SECONDS),
        allow_direct=True,
        allow_atomic=True,
        allow_msg_ttl=True,
        allow_msg_schedules=True,
        allow_rollup_hdrs=True,
        deny_delete=False,
    )


def _is_same(there: StreamConfig, wanted: StreamConfig) -> bool:
    """Whether all that we ask for is so; the broker adds more to what is left out."""
    asked = (field.name for field in fields(wanted) if getattr(wanted, field.name) is not None)
    return all(getattr(there, name) == getattr(wanted, name) for name in asked)


def _warn_of_size(spec: StreamSpec, there: StreamConfig) -> None:
    if (there.max_bytes or -1) != spec.max_bytes:
        log.warning(
            "stream %s holds %d bytes at most, not %d: the broker's disk has no room for more",
            *(spec.name, there.max_bytes, spec.max_bytes),
        )


def _not_made(spec: StreamSpec, error: Exception) -> BrokerUnusableError:
    """In one line, why there is no such stream."""
    setting, code = f"STREAM_REPLICAS={spec.replicas}", getattr(error, "err_code", None)
    if code == _NO_CLUSTER:
        return BrokerUnusableError(f"{setting}: the NATS server is no cluster, which takes STREAM_REPLICAS=1")
    if code == _TOO_FEW_NODES:
        return BrokerUnavailableError(
            f"{setting}: the NATS cluster has no {spec.replicas} nodes for stream {spec.name} at this moment"
        )
    if code == _NO_ROOM:
        return BrokerUnusableError(
            f"the broker has no room for stream {spec.name}: free some of its disk, or raise the limit of its"
            " JetStream (max_file_store), and start it again"
        )
    if isinstance(error, NotFoundError):  # it exists, but not yet at whoever was asked
        return BrokerUnavailableError(f"stream {spec.name} is being made")
    return _refusal(f"the broker refused stream {spec.name}: {describe(error)}", error)


def _check_copies(there: StreamConfig, spec: StreamSpec) -> None:
    existing = there.num_replicas or 1
    if existing > spec.replicas:
        raise BrokerUnusableError(
            f"STREAM_REPLICAS={spec.replicas}: stream {spec.name} has {existing} copies; set STREAM_REPLICAS="
            f"{existing}, or take some away: nats stream edit {spec.name} --replicas {spec.replicas}"
        )


async def ensure_workers(broker: NatsConnection, *, ack_wait: float, max_pending: int) -> None:
    """Create the durable consumer of due operations that all cloud processes share.

    ``ack_wait`` seconds pass before an operation that a dead worker took is given to another;
    ``max_pending`` operations at most are out with workers.
    """
    config = ConsumerConfig(
        durable_name=subjects.CLOUD_WORKERS,
        filter_subject=subjects.CLOUD_DUE,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ack_wait,
        max_ack_pending=max_pending,
        max_deliver=-1,
    )
    try:
        await broker.jetstream.add_consumer(subjects.CLOUD_STREAM, config)
    except (JetStreamError, NatsError, TimeoutError) as error:
        raise _refusal(f"the broker refused the workers' consumer: {describe(error)}", error) from error


def _refusal(words: str, error: Exception) -> BrokerUnusableError:
    return BrokerUnavailableError(words) if is_passing(error) else BrokerUnusableError(words)


async def await_streams(broker: NatsConnection, names: tuple[str, ...], *, timeout: float = 5.0) -> None:
    """Wait until other processes have created the streams ``names``.

    Raises:
        BrokerUnusableError: one is still missing after ``timeout`` seconds.
    """
    missing = list(names)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while missing:
        try:
            await broker.jetstream.stream_info(missing[0])
            missing.pop(0)
        except (JetStreamError, NatsError, TimeoutError):
            if loop.time() > deadline:
                raise BrokerUnavailableError(
                    f"stream {missing[0]} does not exist: is its service running?"
                ) from None
            await asyncio.sleep(0.05)
