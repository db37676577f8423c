"""The parts of a chat process that have to do with files."""

from dataclasses import dataclass

from opsroom_chat.files.deletion import FileDeletion
from opsroom_chat.files.records import FileRecords
from opsroom_chat.settings import ChatSettings
from opsroom_contracts import subjects
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.files.factory import file_store
from opsroom_messaging.files.store import FileStore
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import files_stream
from opsroom_messaging.jetstream.upkeep import Upkeep
from opsroom_messaging.jetstream.writes import WritePublisher
from opsroom_runtime.duties import Duty, run_duties
from opsroom_runtime.process import run_tasks


@dataclass(frozen=True, slots=True)
class FileParts:
    """``upkeep``: of the stream of files. The service does everything else without it, as on a broker with
    the permissions of an older release.

    ``sweep_seconds``: how often to look for bytes that nothing refers to.
    """

    broker: NatsConnection
    records: FileRecords
    store: FileStore
    deletion: FileDeletion
    upkeep: Upkeep
    sweep_seconds: float

    async def run(self) -> None:
        """Keep the stream, and delete what nothing refers to, until cancelled."""
        duty = Duty("files without a message", self.deletion.sweep, self.sweep_seconds)
        duties = run_duties("files", (duty,), self.broker.metrics, enabled=lambda: self.broker.connected)
        async with run_tasks(None, upkeep=self.upkeep.run(), duties=duties) as failed:
            await failed.wait()


def build_files(broker: NatsConnection, settings: ChatSettings) -> FileParts:
    """Build the parts.

    Raises:
        SettingsError: the store's settings are invalid.
    """
    reader = StreamReader(broker, subjects.CHAT_STREAM)
    records = FileRecords(reader, WritePublisher(broker), settings.files_pending_seconds)
    store = file_store(broker, settings)
    spec = files_stream(
        max_age=settings.retention_seconds(),
        max_bytes=settings.files_bytes,
        replicas=settings.stream_replicas,
    )
    upkeep = Upkeep(broker, (), optional=spec if settings.files_s3_bucket is None else None)
    return FileParts(
        broker, records, store, FileDeletion(records, store), upkeep, settings.files_sweep_seconds
    )
