"""What a broker's data folder was made by: a single broker or one of a cluster.

``python -m opsroom_messaging.deployment.broker_data FOLDER CONFIG`` exits with 0 if a broker with the
configuration file CONFIG, ``nats.conf`` (a single broker) or ``cluster.conf`` (one of three), may use FOLDER.
Otherwise it says why not.

nats-server starts with the data of the other kind, but does not serve it. A cluster deletes the streams of a
single broker after 30 seconds, as orphans.
"""

import sys
from enum import Enum
from pathlib import Path

_STREAMS = "jetstream/*/streams/*"
_CLUSTER_STATE = "jetstream/*/_js_/_meta_"
PROCEDURE = 'docs/operations.md, "From one broker to three, and back"'


class Brokers(Enum):
    """How many brokers share the data. Values: the configuration of each in ``deploy/nats``."""

    SINGLE = "nats.conf"
    CLUSTER = "cluster.conf"


class BrokerDataError(Exception):
    """The folder has data of the other kind; the message says what to do."""


def made_by(folder: Path) -> Brokers | None:
    """What made the data in ``folder``; None if there is none."""
    if any(folder.glob(_CLUSTER_STATE)):
        return Brokers.CLUSTER
    return Brokers.SINGLE if any(folder.glob(_STREAMS)) else None


def check(folder: Path, wanted: Brokers) -> None:
    """Check that ``wanted`` may use ``folder``.

    Raises:
        BrokerDataError: it has the data of the other kind.
        OSError: it can't be read.
    """
    found = made_by(folder)
    if found in {None, wanted}:
        return
    if found is Brokers.CLUSTER:
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
        wanted = Brokers(config)
    except ValueError:
        sys.exit(f"opsroom: {config!r} is neither {' nor '.join(kind.value for kind in Brokers)}")
    try:
        check(Path(folder), wanted)
    except (BrokerDataError, OSError) as error:
        sys.exit(f"opsroom: {error}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m opsroom_messaging.deployment.broker_data FOLDER CONFIG")
    main(sys.argv[1], sys.argv[2])
