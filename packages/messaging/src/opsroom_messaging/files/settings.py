"""Settings of the store of files, which the chat service and gateways share."""

from pathlib import Path

from opsroom_runtime.errors import SettingsError
from opsroom_runtime.settings import Settings


class S3Settings(Settings):
    """An S3-compatible store. Without a bucket, files are in JetStream.

    Without a key, the library looks for credentials where AWS's tools do.
    """

    shared = frozenset(
        {
            "files_s3_bucket",
            "files_s3_prefix",
            "files_s3_endpoint",
            "files_s3_region",
            "files_s3_key",
            "files_s3_secret_file",
        }
    )

    files_s3_bucket: str | None = None
    files_s3_prefix: str = "opsroom"
    """The folder of the bucket in which everything is."""
    files_s3_endpoint: str | None = None
    """The store's URL, such as ``https://s3.example.org``. Default: AWS."""
    files_s3_region: str = "us-east-1"
    files_s3_key: str | None = None
    """The id of the access key."""
    files_s3_secret_file: Path | None = None
    """A file with the secret of the access key."""

    def secret(self) -> str | None:
        """Return the secret of the access key.

        Raises:
            SettingsError: its file can't be read.
        """
        if self.files_s3_secret_file is None:
            return None
        try:
            return self.files_s3_secret_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise SettingsError(f"FILES_S3_SECRET_FILE={str(self.files_s3_secret_file)!r}: {error}") from None
