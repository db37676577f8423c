"""Progress of a wait, on standard error if that is a terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner

from opsroom_client.cli.output import is_colored


class Progress:
    """A line that says what is waited for; nothing if standard error is not a terminal."""

    def __init__(self, live: Live | None) -> None:
        self._live = live

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Remove the line while something else is printed."""
        if self._live is None:
            yield
            return
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()


@contextmanager
def progress(text: Callable[[float], str]) -> Iterator[Progress]:
    """Show ``text`` until the block ends; it is called often, with the seconds since the start."""
    if not sys.stderr.isatty():
        yield Progress(None)
        return
    began = time.monotonic()
    spinner = Spinner("dots")

    def line() -> Spinner:
        spinner.update(text=text(time.monotonic() - began))
        return spinner

    console = Console(stderr=True, color_system="auto" if is_colored(sys.stderr) else None, highlight=False)
    live = Live(
        console=console, get_renderable=line, transient=True, redirect_stdout=False, redirect_stderr=False
    )
    with live:
        yield Progress(live)
