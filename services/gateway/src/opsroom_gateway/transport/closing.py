"""Connections whose peer does not read what was written: they must not stay open without a limit."""

import asyncio
from asyncio.transports import Transport
from weakref import ReferenceType, ref

UNREAD_SECONDS = 60.0
"""How long the buffer may stay as it is. A slow client first reads what the kernel buffers: megabytes."""
CHECKS = 12
"""How often the buffer is looked at in that time, so that no timer outlives its connection for long."""


def close_after_writing(transport: Transport) -> None:
    """Close after the bytes that were written.

    Closing waits for the peer to read them, which it may never do: if it reads nothing for
    :data:`UNREAD_SECONDS`, the connection is aborted.
    """
    transport.close()
    abort_unless_read(transport)


def abort_unless_read(transport: Transport) -> None:
    """Abort the connection if the peer reads nothing of what is buffered for it."""
    _check_later(ref(transport), transport.get_write_buffer_size(), CHECKS)


def _check_later(reference: ReferenceType[Transport], waiting: int, checks: int) -> None:
    """Check up to ``checks`` times whether fewer bytes are ``waiting``."""
    if waiting:
        # A lost connection must not be kept until then.
        loop = asyncio.get_running_loop()
        loop.call_later(UNREAD_SECONDS / CHECKS, _check, reference, waiting, checks)


def _check(reference: ReferenceType[Transport], before: int, checks: int) -> None:
    transport = reference()
    if transport is None:
        return
    waiting = transport.get_write_buffer_size()  # nothing, if the connection is lost
    if waiting < before:
        _check_later(reference, waiting, CHECKS)
    elif checks > 1:
        _check_later(reference, before, checks - 1)
    else:
        transport.abort()
