"""The certificate that new connections get. Replaced files are used without a restart."""

import logging
import ssl
from pathlib import Path

_Version = tuple[tuple[int, int, int], ...]
"""Inode, size and time of each file."""

log = logging.getLogger(__name__)


class Certificates:
    """A certificate and its key, in files.

    ``context`` is the server's. It gives each new connection the newest certificate; existing connections
    keep theirs.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        """Load the files.

        Raises:
            OSError: one can't be read.
            ssl.SSLError: they are no certificate and its key.
        """
        self._cert = cert
        self._key = key
        self._version = self._found_version()
        self._current = self._load()
        self.context = self._load()
        self.context.sni_callback = self._choose  # also called for clients that send no name

    def reload_if_changed(self) -> None:
        """Load the files if they were replaced. If that fails, the log has the reason, once."""
        try:
            version = self._found_version()
        except OSError:
            version = ()
        if version != self._version:
            self._version = version
            self.reload()

    def reload(self) -> None:
        """Load the files. If that fails, the log has the reason, and the present certificate stays."""
        try:
            self._current = self._load()
        except OSError as error:  # ssl.SSLError is one
            reason = error.strerror or str(error)
            files = f"{self._cert} and {self._key}"
            log.error("kept the present certificate, %s can't be used: %s", files, reason)
        else:
            log.info("loaded the certificate %s", self._cert)

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._cert, self._key)
        return context

    def _found_version(self) -> _Version:
        found = (path.stat() for path in (self._cert, self._key))
        return tuple((one.st_ino, one.st_size, one.st_mtime_ns) for one in found)

    def _choose(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        connection.context = self._current
