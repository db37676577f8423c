"""Timers of an HTTP connection: for the headers of a request, and for the time without a request."""

import asyncio
from collections.abc import Callable


class RequestTimers:
    """``header_seconds``: until ``on_header_timeout``. ``idle_seconds``: until ``on_idle``."""

    __slots__ = ("_header", "_header_seconds", "_idle", "_idle_seconds", "_on_header_timeout", "_on_idle")

    def __init__(
        self,
        header_seconds: float,
        on_header_timeout: Callable[[], None],
        idle_seconds: float,
        on_idle: Callable[[], None],
    ) -> None:
        self._header_seconds = header_seconds
        self._on_header_timeout = on_header_timeout
        self._idle_seconds = idle_seconds
        self._on_idle = on_idle
        self._header: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None

    @property
    def awaits_headers(self) -> bool:
        """Whether the timer for the headers is running."""
        return self._header is not None

    def start_header(self) -> None:
        """Start the timer for the headers, if it is not running."""
        if self._header is None:
            loop = asyncio.get_running_loop()
            self._header = loop.call_later(self._header_seconds, self._header_timeout)

    def start_idle(self) -> None:
        """Start the timer for the time without a request, again if it is running."""
        self.cancel_idle()
        self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._on_idle)

    def cancel_header(self) -> None:
        """Stop the timer for the headers."""
        if self._header is not None:
            self._header.cancel()
            self._header = None

    def cancel_idle(self) -> None:
        """Stop the timer for the time without a request."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def cancel(self) -> None:
        """Stop both timers."""
        self.cancel_header()
        self.cancel_idle()

    def _header_timeout(self) -> None:
        self._header = None
        self._on_header_timeout()
