"""All exceptions of this package, as one tree.

- :class:`ProcessError`

  - :class:`StartupError`: the process can't work as it is configured (exit code 78)

    - :class:`SettingsError`: a setting is missing or invalid
    - :class:`AdminAddressError`: the admin server can't listen on its address

  - :class:`TemporaryError`: the same may succeed later (exit code 75)
  - :class:`TaskFailedError`: a background task ended early
"""


class ProcessError(Exception):
    """Base class of all exceptions of this package."""


class StartupError(ProcessError):
    """The process can't work as it is configured. The message gives the reason in one line."""


class TemporaryError(ProcessError):
    """The operation failed for a reason that may pass; retry it later."""


class SettingsError(StartupError, ValueError):
    """An invalid setting. The message names the variable and the reason, in one line."""


class AdminAddressError(StartupError):
    """The admin server can't listen on its address. The message names the address and the reason."""


class TaskFailedError(ProcessError):
    """A background task ended that must run as long as the process."""
