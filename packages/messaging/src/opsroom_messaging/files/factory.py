"""The store of files that the settings name."""

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.files.jetstream_store import JetStreamFileStore
from opsroom_messaging.files.settings import S3Settings
from opsroom_messaging.files.store import FileStore
from opsroom_runtime.errors import SettingsError


def file_store(broker: NatsConnection, settings: S3Settings) -> FileStore:
    """Return the store. The library for S3 is large, so it is imported only if it is needed.

    Raises:
        SettingsError: the library is missing, or the settings are invalid.
    """
    if settings.files_s3_bucket is None:
        return JetStreamFileStore(broker)
    try:
        from opsroom_messaging.files.s3_store import S3FileStore  # noqa: PLC0415
    except ImportError:
        raise SettingsError("FILES_S3_BUCKET needs a library: pip install 'opsroom-messaging[s3]'") from None
    return S3FileStore(settings)
