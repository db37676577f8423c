"""Log lines about a failure that repeats: one at its start, few while it lasts, one at its end."""

import logging
from collections.abc import Callable
from time import monotonic

_REPEAT_SECONDS = 60.0
"""While the same failure goes on, it is logged again after this long."""
_CHANGE_SECONDS = 5.0
"""A failure whose reason keeps changing is logged this often at most."""


class FailureLog:
    """Logs the failures of one repeated activity.

    ``what``: the beginning of each line, such as ``fetching from CLOUD``. ``level``: of the lines about
    failures; the end of a failure is logged as INFO.
    """

    def __init__(
        self,
        logger: logging.Logger,
        what: str,
        *,
        level: int = logging.WARNING,
        time: Callable[[], float] = monotonic,
    ) -> None:
        self._logger = logger
        self._what = what
        self._level = level
        self._time = time
        self._reason: str | None = None
        self._logged_at = 0.0
        self.failures = 0
        """Failures since the last success."""

    def failed(self, reason: str, error: BaseException | None = None) -> None:
        """Note a failure, and log it unless the same or another one was logged recently.

        ``error``: an unexpected exception, which is logged with its traceback.
        """
        now, waited = self._time(), _REPEAT_SECONDS if reason == self._reason else _CHANGE_SECONDS
        self.failures += 1
        if self.failures > 1 and now - self._logged_at < waited:
            return
        self._reason, self._logged_at = reason, now
        repeated = f" (failure {self.failures} in a row)" if self.failures > 1 else ""
        level = self._level if error is None else logging.ERROR
        self._logger.log(level, "%s failed, retrying%s: %s", self._what, repeated, reason, exc_info=error)

    def succeeded(self) -> None:
        """Note a success; it is logged if it ends a failure."""
        if self.failures:
            self._logger.info("%s works again after %d failures", self._what, self.failures)
        self.failures, self._reason = 0, None
