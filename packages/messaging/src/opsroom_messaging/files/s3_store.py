"""Files in an S3-compatible store, with an object for each chunk: ``<prefix>/<file>/<attempt>/<number>``."""

from collections.abc import AsyncIterator
from typing import Final

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.files.settings import S3Settings
from opsroom_messaging.files.store import Blob

_REQUEST: Final = "10s"
_CONNECT: Final = "5s"
"""Timeouts of a request and of a connection."""
_RETRIES: Final = 2
_DIGITS: Final = 6
"""Numbers have this many digits, so that a listing shows the chunks in their order."""


class S3FileStore:
    """One bucket, below one prefix. Nothing is a multipart upload, which would need a rule to clean it up."""

    def __init__(self, settings: S3Settings) -> None:
        secret = settings.secret()
        self._prefix = settings.files_s3_prefix.strip("/")
        self._store = S3Store(
            settings.files_s3_bucket,
            config={
                "region": settings.files_s3_region,
                "virtual_hosted_style_request": False,
                **({} if settings.files_s3_endpoint is None else {"endpoint": settings.files_s3_endpoint}),
                **({} if settings.files_s3_key is None else {"access_key_id": settings.files_s3_key}),
                **({} if secret is None else {"secret_access_key": secret}),
            },
            client_options={
                "allow_http": True,
                "timeout": _REQUEST,
                "connect_timeout": _CONNECT,
            },
            retry_config={"max_retries": _RETRIES},
        )

    async def put(self, blob: Blob, number: int, data: bytes) -> None:
        """Store an object."""
        key = self._key(blob, number)
        try:
            await obstore.put_async(self._store, key, data, use_multipart=False)
        except BaseError as error:
            raise UnavailableError(f"storing {key}: {_reason(error)}") from error

    async def get(self, blob: Blob, number: int) -> bytes | None:
        """Read an object."""
        key = self._key(blob, number)
        try:
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())
        except (NotFoundError, FileNotFoundError):
            return None
        except BaseError as error:
            raise UnavailableError(f"reading {key}: {_reason(error)}") from error

    async def delete(self, file_id: str, attempt: str | None = None) -> None:
        """Delete the objects. A bucket with versions keeps them until its own rules remove them."""
        folder = f"{self._prefix}/{file_id}" if attempt is None else f"{self._prefix}/{file_id}/{attempt}"
        try:
            async for page in obstore.list(self._store, prefix=folder):
                await obstore.delete_async(self._store, [found["path"] for found in page])
        except BaseError as error:
            raise UnavailableError(f"deleting {folder}: {_reason(error)}") from error

    async def blobs(self) -> AsyncIterator[Blob]:
        """Iterate over the first chunks of all files."""
        try:
            async for page in obstore.list(self._store, prefix=self._prefix):
                for found in page:
                    *_, file_id, attempt, number = found["path"].split("/")
                    if int(number) == 0:
                        yield Blob(file_id, attempt)
        except BaseError as error:
            raise UnavailableError(f"listing files: {_reason(error)}") from error

    def _key(self, blob: Blob, number: int) -> str:
        return f"{self._prefix}/{blob.file_id}/{blob.attempt}/{number:0{_DIGITS}}"


def _reason(error: BaseError) -> str:
    return str(error).partition("\n")[0][:300]
