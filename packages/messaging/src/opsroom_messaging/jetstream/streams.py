"""The streams and buckets of Opsroom, and their creation."""

import asyncio
import logging
from dataclasses import dataclass, fields, replace

from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import APIError, NotFoundError
from nats.js.errors import Error as JetStreamError

from opsroom_contracts import subjects
from opsroom_messaging.client.connection import NatsConnection, describe, is_transient
from opsroom_messaging.errors import BrokerUnavailableError, BrokerUnusableError
from opsroom_messaging.jetstream.stream_epoch import ensure_epoch

_STREAM_EXISTS = 10058
_NO_CLUSTER = 10074
_TOO_FEW_NODES = 10005
_NO_SPACE = 10047
_SHRINK_FACTOR = 4
"""Large, so that the first stream leaves space for the others."""
_MIN_BYTES = 64 * 1024**2
"""Smaller streams are not created."""
_MIN_SPARE_BYTES = 16 * 1024**2
"""The least that a stream gets which the service can do without."""
_DUPLICATE_WINDOW_SECONDS = 120.0
"""The broker's default; set explicitly, so that an existing configuration can be compared with ours."""
GATEWAY_LEASE_SECONDS = 20
"""A gateway's lease expires this long after its last renewal."""
_PROBES_MAX_AGE_SECONDS = 60

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """The configuration of a stream. Ages in seconds, sizes in bytes; 0 and -1 mean no limit.

    ``keeps_old``: a full stream rejects what is new, instead of dropping the oldest.
    """

    name: str
    subjects: tuple[str, ...]
    max_age: float = 0
    max_bytes: int = -1
    max_per_subject: int = -1
    replicas: int = 1
    keeps_old: bool = False


def chat_stream(*, max_age: float, max_bytes: int, replicas: int) -> StreamSpec:
    """Chat messages; the oldest are dropped by age in seconds and by size in bytes."""
    return StreamSpec(
        subjects.CHAT_STREAM,
        (subjects.CHAT_EVENTS, subjects.CHAT_ERASURES, subjects.CHAT_FILES, subjects.CHAT_COMMANDS),
        max_age=max_age,
        max_bytes=max_bytes,
        replicas=replicas,
    )


def files_stream(*, max_age: float, max_bytes: int, replicas: int) -> StreamSpec:
    """The bytes of files, dropped by age in seconds. A full stream accepts no more of them."""
    return StreamSpec(
        subjects.FILES_STREAM,
        (subjects.CHUNKS,),
        max_age=max_age,
        max_bytes=max_bytes,
        replicas=replicas,
        keeps_old=True,
    )


def members_stream(*, replicas: int) -> StreamSpec:
    """Records of people and rooms; each write replaces the earlier record of its subject (0049)."""
    return StreamSpec(
        subjects.MEMBERS_STREAM,
        (
            subjects.MEMBERS,
            subjects.NAMES,
            subjects.RESTRICTIONS,
            subjects.ROOM_RECORDS,
            subjects.ROOM_NAMES,
            subjects.MEMBERSHIPS,
            subjects.READS,
            subjects.FOLLOWS,
            subjects.NOTIFICATIONS,
            subjects.PUSH_DEVICES,
            subjects.PUSH_STATE,
            subjects.MODERATED,
        ),
        replicas=replicas,
    )


def cloud_stream(*, max_age: float = 0, replicas: int) -> StreamSpec:
    """Events and timers of instances. The broker drops none of them by age unless ``max_age`` (seconds) is
    set: the cloud service does that itself, so that the last state of an instance is never dropped."""
    return StreamSpec(
        subjects.CLOUD_STREAM,
        (
            subjects.CLOUD_EVENTS,
            subjects.CLOUD_TIMERS,
            subjects.CLOUD_DUE,
            subjects.CLOUD_OPERATIONS,
            subjects.CLOUD_NAMES,
            subjects.CLOUD_SCHEDULES,
        ),
        max_age=max_age,
        replicas=replicas,
    )


def incidents_stream(*, replicas: int) -> StreamSpec:
    """Records of the service ``incidents``; each write of a record replaces the one before."""
    return StreamSpec(
        subjects.INCIDENTS_STREAM,
        (
            subjects.COMMAND_PLANS,
            subjects.OPEN_COMMANDS,
            subjects.LAST_COMMANDS,
            subjects.HOOKS,
            subjects.HOOK_SECRETS,
            subjects.WEBHOOKS,
            subjects.WEBHOOK_PROGRESS,
            subjects.CARDS,
            subjects.ROTAS,
            subjects.ESCALATIONS,
            subjects.ESCALATION_TIMERS,
            subjects.ESCALATIONS_DUE,
            subjects.INCIDENT_RECORDS,
            subjects.UNSAID_CHANGES,
        ),
        replicas=replicas,
    )


def audit_stream(*, max_age: float, max_bytes: int, replicas: int) -> StreamSpec:
    """The audit log, never full: the oldest entries are dropped by age in seconds and size in bytes."""
    return StreamSpec(
        subjects.AUDIT_STREAM, (subjects.AUDIT,), max_age=max_age, max_bytes=max_bytes, replicas=replicas
    )


def gateways_bucket(*, replicas: int) -> StreamSpec:
    """The key-value bucket of gateway leases; a key that is not renewed expires."""
    return StreamSpec(
        f"KV_{subjects.GATEWAYS_BUCKET}",
        (f"$KV.{subjects.GATEWAYS_BUCKET}.>",),
        max_age=GATEWAY_LEASE_SECONDS,
        max_per_subject=1,
        replicas=replicas,
    )


def probes_stream(*, replicas: int) -> StreamSpec:
    """Probe writes: the last one of each process, and none of processes that have ended."""
    return StreamSpec(
        subjects.PROBES_STREAM,
        (subjects.PROBES,),
        max_age=_PROBES_MAX_AGE_SECONDS,
        max_per_subject=1,
        replicas=replicas,
    )


def agents_stream(*, replicas: int) -> StreamSpec:
    """The last record and the last lease of each agent; a lease that is not renewed expires."""
    return StreamSpec(
        subjects.AGENTS_STREAM,
        (subjects.AGENT_RECORDS, subjects.AGENT_LEASES),
        max_per_subject=1,
        replicas=replicas,
    )


async def ensure_stream(broker: NatsConnection, spec: StreamSpec) -> None:
    """Create the stream, or update an existing one to ``spec``. Safe to call from many processes at once.

    The number of replicas can be raised at runtime, but is never lowered: a process without the setting
    would do so. If the broker's disk has no space for ``max_bytes``, the stream gets a smaller limit, and a
    warning is logged. A new stream gets an epoch, and a restored one another epoch.

    Raises:
        BrokerUnusableError: the broker rejected the stream, has fewer nodes than replicas are required, or
            ignores a feature that the stream needs; or the stream has more replicas than ``spec``.
    """
    try:
        info = await _create_or_update(broker, spec)
        await ensure_epoch(broker, info)
    except (JetStreamError, NatsError, TimeoutError) as error:
        raise _creation_error(spec, error) from error
    if not (info.config.allow_atomic and (info.config.allow_msg_schedules or spec.keeps_old)):
        raise BrokerUnusableError(
            f"the broker lacks a feature that stream {spec.name} needs: use NATS server 2.12 or newer"
        )


async def _create_or_update(broker: NatsConnection, spec: StreamSpec) -> StreamInfo:
    try:
        existing = await broker.jetstream.stream_info(spec.name)
    except NotFoundError:
        try:
            return await _create(broker, spec)
        except APIError as error:
            if error.err_code != _STREAM_EXISTS:
                raise
        existing = await broker.jetstream.stream_info(spec.name)  # another process was faster
    _check_replicas(existing.config, spec)
    return await _update(broker, spec, existing)


async def _create(broker: NatsConnection, spec: StreamSpec) -> StreamInfo:
    """Create the stream. The broker reserves ``max_bytes`` on its disk; on lack of space, retry with less."""
    config = _config(spec)
    while True:
        try:
            info = await broker.jetstream.add_stream(config)
        except APIError as error:
            smaller = (config.max_bytes or 0) // _SHRINK_FACTOR
            if error.err_code != _NO_SPACE or smaller < _MIN_BYTES:
                raise
            config = replace(config, max_bytes=smaller)
        else:
            if spec.keeps_old and (config.max_bytes or 0) < spec.max_bytes:
                # The service can do without this stream, and not without those that are created after it.
                less = max((config.max_bytes or 0) // _SHRINK_FACTOR, _MIN_SPARE_BYTES)
                info = await broker.jetstream.update_stream(replace(config, max_bytes=less))
            _warn_if_smaller(spec, info.config)
            return info


async def _update(broker: NatsConnection, spec: StreamSpec, existing: StreamInfo) -> StreamInfo:
    """Update the stream if its configuration differs; on a full disk even an identical update is rejected."""
    current = existing.config
    config = replace(_config(spec), metadata=current.metadata)  # the epoch stays
    if _matches(current, config):
        return existing
    try:
        return await broker.jetstream.update_stream(config)
    except APIError as error:
        if error.err_code != _NO_SPACE or not _matches(current, replace(config, max_bytes=current.max_bytes)):
            raise
    _warn_if_smaller(spec, current)
    return existing


def _config(spec: StreamSpec) -> StreamConfig:
    return StreamConfig(
        name=spec.name,
        subjects=list(spec.subjects),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW if spec.keeps_old else DiscardPolicy.OLD,
        max_age=spec.max_age,
        max_bytes=spec.max_bytes,
        max_msgs_per_subject=spec.max_per_subject,
        num_replicas=spec.replicas,
        duplicate_window=min(_DUPLICATE_WINDOW_SECONDS, spec.max_age or _DUPLICATE_WINDOW_SECONDS),
        allow_direct=True,
        allow_atomic=True,
        allow_msg_ttl=True,
        allow_msg_schedules=not spec.keeps_old,  # the broker does not allow both
        allow_rollup_hdrs=True,
        deny_delete=False,
    )


def _matches(current: StreamConfig, wanted: StreamConfig) -> bool:
    """Whether all fields that we set have the wanted value; the broker fills in the others."""
    names = (field.name for field in fields(wanted) if getattr(wanted, field.name) is not None)
    return all(getattr(current, name) == getattr(wanted, name) for name in names)


def _warn_if_smaller(spec: StreamSpec, current: StreamConfig) -> None:
    if (current.max_bytes or -1) != spec.max_bytes:
        log.warning(
            "stream %s is limited to %d bytes instead of %d: the broker's disk has no space for more",
            spec.name,
            current.max_bytes,
            spec.max_bytes,
        )


def _creation_error(spec: StreamSpec, error: Exception) -> BrokerUnusableError:
    """The reason, in one line, why the stream could not be created or updated."""
    setting, code = f"STREAM_REPLICAS={spec.replicas}", getattr(error, "err_code", None)
    if code == _NO_CLUSTER:
        return BrokerUnusableError(f"{setting}: the NATS server is not a cluster; set STREAM_REPLICAS=1")
    if code == _TOO_FEW_NODES:
        return BrokerUnavailableError(
            f"{setting}: the NATS cluster has fewer than {spec.replicas} nodes for stream {spec.name} now"
        )
    if code == _NO_SPACE:
        return BrokerUnusableError(
            f"the broker has no space for stream {spec.name}: free disk space, or raise its JetStream limit"
            " (max_file_store), and restart it"
        )
    if isinstance(error, NotFoundError):  # created, but not yet known to the node that replied
        return BrokerUnavailableError(f"stream {spec.name} is being created")
    return rejection(f"the broker rejected stream {spec.name}: {describe(error)}", error)


def _check_replicas(current: StreamConfig, spec: StreamSpec) -> None:
    existing = current.num_replicas or 1
    if existing > spec.replicas:
        raise BrokerUnusableError(
            f"STREAM_REPLICAS={spec.replicas}: stream {spec.name} has {existing} replicas; set"
            f" STREAM_REPLICAS={existing}, or remove some:"
            f" nats stream edit {spec.name} --replicas {spec.replicas}"
        )


def rejection(message: str, error: Exception) -> BrokerUnusableError:
    """The exception with ``message`` for what the broker did not create because of ``error``."""
    return BrokerUnavailableError(message) if is_transient(error) else BrokerUnusableError(message)


async def wait_for_streams(broker: NatsConnection, names: tuple[str, ...], *, timeout: float = 5.0) -> None:
    """Wait until other processes have created the streams ``names``.

    Raises:
        BrokerUnavailableError: one is still missing after ``timeout`` seconds.
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
