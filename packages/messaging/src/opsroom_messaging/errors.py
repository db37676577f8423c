"""All exceptions of this package, as one tree.

- :class:`MessagingError`

  - :class:`CredentialsError`: the broker credentials can't be used
  - :class:`InvalidServerUrlError`: a broker URL is malformed
  - :class:`BrokerUnusableError`: the broker can't be reached or lacks a feature

    - :class:`BrokerUnavailableError`: no connection at this moment

  - :class:`UnavailableError`: no reply to a request in time

    - :class:`NoRoomError`: the broker has no room to store anything

  - :class:`ConflictError`, :class:`OverloadedError`, :class:`RejectedError`: a write was not stored
  - :class:`BrokerDataError`: a data directory belongs to another kind of broker

Some are also a ``StartupError`` or ``TemporaryError`` of ``opsroom_runtime``, which decide the exit code of a
process.
"""

from opsroom_runtime.errors import StartupError, TemporaryError


class MessagingError(Exception):
    """Base class of all exceptions of this package."""


class CredentialsError(MessagingError, StartupError):
    """Unusable broker credentials. The message names the setting and the reason, in one line."""


class InvalidServerUrlError(MessagingError, StartupError, ValueError):
    """A malformed broker URL. The one-line message leaves out the password that the URL may contain."""


class BrokerUnusableError(MessagingError, StartupError):
    """The broker can't be reached or lacks a feature. The message gives the reason in one line."""


class BrokerUnavailableError(BrokerUnusableError, TemporaryError):
    """The broker can't be used at this moment: it is down, starting, or electing a leader."""


class UnavailableError(MessagingError, TemporaryError):
    """The broker did not reply in time. It may or may not have carried out the request."""


class NoRoomError(UnavailableError):
    """The broker has no room. Nothing was stored, and nothing will be until its operator makes some."""


class ConflictError(MessagingError):
    """An expected sequence did not match: another writer was faster. Nothing was stored."""


class OverloadedError(MessagingError, TemporaryError):
    """The write queue is full. Nothing was stored."""


class RejectedError(MessagingError):
    """The broker rejected a write for a reason that a retry won't change."""


class BrokerDataError(MessagingError):
    """A data directory belongs to the other kind of broker. The message says what to do."""
