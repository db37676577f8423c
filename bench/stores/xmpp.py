"""Readers of ejabberd and Prosody: anonymous XMPP sessions that join a group chat, over TCP."""

import asyncio
from collections.abc import Callable

from bench.clients.chat_reader import WELCOME

_SECONDS = 60.0
_ROOM = "bench@conference.localhost"
_HEADER = (
    "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
    " xmlns:stream='http://etherx.jabber.org/streams'>"
)
_AUTH = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>"
_BIND = "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
_FEATURES = b"</stream:features>"
_JOIN = (
    "<presence to='{room}/reader-{number}'><x xmlns='http://jabber.org/protocol/muc'>"
    "<history maxstanzas='0'/></x></presence>"
)
_JOINED = b"110"
"""The status of one's own presence: everything about the room has arrived."""
_END = b"</message>"


class XmppReader(asyncio.Protocol):
    """An occupant of the room. Only ends of message stanzas are parsed."""

    def __init__(self, on_payload: Callable[[bytes], None]) -> None:
        self._on_payload = on_payload
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._awaited: tuple[bytes, asyncio.Future[None]] | None = None
        self.lost = False
        """Whether the connection has failed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Pass on messages, or wait for the reply of the handshake."""
        data = self._rest + data
        if self._awaited is None:
            *messages, self._rest = data.split(_END)
            for message in messages:
                self._on_payload(message)
            return
        wanted, answered = self._awaited
        at = data.find(wanted)
        self._rest = data if at < 0 else data[at + len(wanted) :]
        if at >= 0 and not answered.done():
            answered.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail a pending handshake, and set `lost`."""
        self.lost = True
        if self._awaited is not None and not self._awaited[1].done():
            self._awaited[1].set_exception(exc or ConnectionError(f"closed: {self._rest[-200:]!r}"))

    async def join(self, number: int) -> None:
        """Authenticate, and join the room as occupant ``number``.

        Raises:
            ConnectionError, TimeoutError: the server refused, or did not reply in a minute.
        """
        await self._exchange(_HEADER, _FEATURES)
        await self._exchange(_AUTH, b"<success")
        await self._exchange(_HEADER, _FEATURES)
        await self._exchange(_BIND, b"</iq>")
        await self._exchange(_JOIN.format(room=_ROOM, number=number), _JOINED)
        self._awaited = None
        self._on_payload(WELCOME)

    def say(self, number: int, text: str) -> None:
        """Send message ``number``."""
        stanza = f"<message type='groupchat' to='{_ROOM}' id='m{number}'><body>{text}</body></message>"
        self._write(stanza)

    def close(self) -> None:
        """Abort the connection."""
        if self._transport is not None:
            self._transport.abort()

    async def _exchange(self, stanza: str, wanted: bytes) -> None:
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rest, self._awaited = b"", (wanted, answered)
        self._write(stanza)
        await asyncio.wait_for(answered, _SECONDS)

    def _write(self, stanza: str) -> None:
        assert self._transport is not None
        self._transport.write(stanza.encode())


async def open_xmpp(port: int, number: int, on_payload: Callable[[bytes], None]) -> XmppReader:
    """Join as occupant ``number``.

    Raises:
        OSError, TimeoutError: the server refused, or did not reply in a minute.
    """
    loop = asyncio.get_running_loop()
    _, reader = await loop.create_connection(lambda: XmppReader(on_payload), "127.0.0.1", port)
    await reader.join(number)
    return reader
