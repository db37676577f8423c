"""The launcher's exceptions, and the exit codes of its commands.

RefusedError       the command can't or mustn't be run; the message is the one line that the user sees

  UsageError       because of an option, an argument or a variable
  UnreachableError because no portal responds
"""

from typing import ClassVar

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130
"""The same as those of the client, which is not installed yet when the bootstrap runs."""


class RefusedError(Exception):
    """The command can't start or continue. ``str(error)`` is one line, with the name of the program."""

    exit_code: ClassVar[int] = EXIT_FAILED


class UsageError(RefusedError):
    """An option, an argument or a variable is wrong."""

    exit_code = EXIT_USAGE


class UnreachableError(RefusedError):
    """No portal responds."""

    exit_code = EXIT_UNREACHABLE
