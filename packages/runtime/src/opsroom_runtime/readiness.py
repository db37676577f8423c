"""Why a process is not ready, as its components know it."""

from collections.abc import Callable

Check = Callable[[], str | None]
"""Returns why the component is not ready, in a few words; None if it is."""


class Readiness:
    """The checks of a process's components. The process is ready if none of them returns a reason."""

    def __init__(self) -> None:
        self._checks: list[Check] = []

    def add(self, check: Check) -> None:
        """Ask ``check``, too, from now on."""
        self._checks.append(check)

    def problem(self) -> str | None:
        """Why the process is not ready: the reason of the first component that has one."""
        return next((reason for check in self._checks if (reason := check()) is not None), None)
