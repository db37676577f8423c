"""The epoch of a stream: a random id of its life, in its metadata.

Sequences of one epoch mean the same messages, unless the broker's data folder was replaced. A stream that was
deleted and created again has another epoch by itself. A restored stream brings its old epoch back, but the
broker gives it another time of creation, and ``ensure_epoch`` then stores a new epoch.
"""

import logging
from dataclasses import replace
from secrets import token_hex

from nats.errors import Error as NatsError
from nats.js.api import StreamInfo
from nats.js.errors import Error as JetStreamError

from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_runtime import ticks

_EPOCH = "opsroom.epoch"
_CREATED = "opsroom.created"
"""The times of creation that belong to the epoch. The nodes of a cluster can report different ones."""
_EPOCH_BYTES = 6
_CREATED_MAX = 8
_CHECK_SECONDS = 5.0

log = logging.getLogger(__name__)


def epoch_of(info: StreamInfo) -> str | None:
    """Return the epoch of a stream; None: no process of this release has seen the stream yet."""
    return (info.config.metadata or {}).get(_EPOCH)


async def ensure_epoch(broker: NatsConnection, info: StreamInfo) -> None:
    """Store an epoch if the stream has none, and a new one if it was restored.

    Concurrent processes may both store one: the last is valid, and readers of the other one start over. On
    failure a warning is logged: the next check stores the epoch.
    """
    if _current_metadata(info) == info.config.metadata:
        return
    try:
        info = await broker.jetstream.stream_info(info.config.name or "")  # another process may be faster
        metadata = _current_metadata(info)
        if metadata == info.config.metadata:
            return
        await broker.jetstream.update_stream(replace(info.config, metadata=metadata))
    except (JetStreamError, NatsError, TimeoutError) as error:
        log.warning("could not store the epoch of stream %s: %s", info.config.name, describe(error))
    else:
        if epoch_of(info) is not None:
            log.warning("stream %s was restored; its new epoch is %s", info.config.name, metadata[_EPOCH])


def _current_metadata(info: StreamInfo) -> dict[str, str]:
    metadata = dict(info.config.metadata or {})
    created = "" if info.created is None else info.created.isoformat()
    known = metadata.get(_CREATED, "").split()
    if _EPOCH in metadata and created in known:
        return metadata
    # The broker's own entries can't be set.
    own = {key: value for key, value in metadata.items() if not key.startswith("_nats")}
    return own | {_EPOCH: token_hex(_EPOCH_BYTES), _CREATED: " ".join([*known, created][-_CREATED_MAX:])}


class EpochKeeper:
    """Stores new epochs of streams that are restored while this process runs."""

    def __init__(self, broker: NatsConnection, streams: tuple[str, ...]) -> None:
        self._broker = broker
        self._streams = streams

    async def run(self) -> None:
        """Check the streams until cancelled."""
        while True:
            await ticks.sleep(_CHECK_SECONDS)
            for stream in self._streams:
                try:
                    info = await self._broker.jetstream.stream_info(stream)
                except (JetStreamError, NatsError, TimeoutError) as error:
                    log.debug("could not check the epoch of stream %s: %s", stream, describe(error))
                else:
                    await ensure_epoch(self._broker, info)
