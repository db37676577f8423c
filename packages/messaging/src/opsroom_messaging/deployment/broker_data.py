"""A check that a data directory of a single broker is not used by a cluster, or the reverse.

``python -m opsroom_messaging.deployment.broker_data FOLDER CONFIG`` exits with 0 if a broker with the
configuration file CONFIG, ``nats.conf`` (a single broker) or ``cluster.conf`` (one of three), may use FOLDER.
Otherwise it prints the reason.

nats-server starts with the data of the other kind, but does not serve it. A cluster deletes the streams of a
single broker after 30 seconds, as orphans.
"""

import sys
from enum import Enum
from pathlib import Path

from opsroom_messaging.errors import BrokerDataError

_STREAMS = "jetstream/*/streams/*"
_CLUSTER_STATE = "jetstream/*/_js_/_meta_"
PROCEDURE = 'docs/operations.md, "From one broker to three, and back"'


class BrokerKind(Enum):
    """The kind of a broker. The values are its configuration files in ``deploy/nats``."""

    SINGLE = "nats.conf"
    CLUSTER = "cluster.conf"


def detect_kind(folder: Path) -> BrokerKind | None:
    """The kind of broker that wrote the data in ``folder``; None without data."""
    if any(folder.glob(_CLUSTER_STATE)):
        return BrokerKind.CLUSTER
    return BrokerKind.SINGLE if any(folder.glob(_STREAMS)) else None


def check(folder: Path, wanted: BrokerKind) -> None:
    """Check that ``wanted`` may use ``folder``.

    Raises:
        BrokerDataError: it has data of the other kind.
        OSError: it can't be read.
    """
    found = detect_kind(folder)
    if found in {None, wanted}:
        return
    if found is BrokerKind.CLUSTER:
        raise BrokerDataError(
            "this data is that of a cluster of three brokers, and one broker can't use it."
            f" Nothing was changed. Start three brokers again, or move the data over: {PROCEDURE}"
        )
    raise BrokerDataError(
        "this data is that of one broker, and a cluster of three can't use it."
        f" Nothing was changed. Start one broker again, or move the data over: {PROCEDURE}"
    )


def main(folder: str, config: str) -> None:
    """Exit with 1 and a line on stderr if the data in ``folder`` is not for brokers with ``config``."""
    try:
        wanted = BrokerKind(config)
    except ValueError:
        sys.exit(f"opsroom: {config!r} is neither {' nor '.join(kind.value for kind in BrokerKind)}")
    try:
        check(Path(folder), wanted)
    except (BrokerDataError, OSError) as error:
        sys.exit(f"opsroom: {error}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m opsroom_messaging.deployment.broker_data FOLDER CONFIG")
    main(sys.argv[1], sys.argv[2])
