"""Connections whose peer does not read what was written: they must not stay open without a limit."""

import asyncio
from asyncio.transports import Transport
from weakref import ReferenceType, ref

UNREAD_SECONDS = 60.0
"""How long the buffer may stay as it is. A slow client first reads what the kernel buffers: megabytes."""


def close_after_writing(transport: Transport) -> None:
    """Close after the bytes that were written.

    Closing waits for the peer to read them, which it may never do: if it reads nothing for
    :data:`UNREAD_SECONDS`, the connection is aborted.
    """
    transport.close()
    abort_unless_read(transport)


def abort_unless_read(transport: Transport) -> None:
    """Abort the connection if the peer reads nothing of what is buffered for it."""
    waiting = transport.get_write_buffer_size()
    if waiting:
        # A lost connection must not be kept until then.
        asyncio.get_running_loop().call_later(UNREAD_SECONDS, _check, ref(transport), waiting)


def _check(reference: ReferenceType[Transport], before: int) -> None:
    transport = reference()
    if transport is None:
        return
    if transport.get_write_buffer_size() >= before:
        transport.abort()
    else:
        abort_unless_read(transport)
