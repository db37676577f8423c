"""The sessions of devices: all sockets of a device on this gateway share one connection.

A record with a connection for each socket would be written again for each. After a restart all sockets come
back at once, and only the first one of a device needs the chat service.
"""

import asyncio
import hashlib
from dataclasses import dataclass, field

from opsroom_contracts.chat.models import JoinRequest, LeaveReason, User
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_gateway.presence.sessions import Session, SessionOwner, Sessions

SOCKETS_MAX = 64
"""The maximum number of sockets of one device on one gateway."""
_RETRY_SECONDS = 5.0
_REJOIN_SECONDS = 5.0


@dataclass(slots=True, eq=False)
class DeviceSession:
    """The session that the sockets of a device share.

    Attributes:
        digest: SHA-256 of the device's token.
        sockets: those that have the session, or wait for it.
        ready: done once the chat service has replied to the first socket's join.
        joined: the session and its user, once there is one.
    """

    digest: str
    ready: asyncio.Future[None]
    sockets: dict[SessionOwner, None] = field(default_factory=dict)
    joined: tuple[Session, User] | None = None

    @property
    def session(self) -> Session:
        """The session. Only a device that has joined has one."""
        return self._joined[0]

    @property
    def user(self) -> User:
        """The user of the session."""
        return self._joined[1]

    @property
    def _joined(self) -> tuple[Session, User]:
        if self.joined is None:
            raise AssertionError("the device has not joined yet")
        return self.joined

    def lost(self, *, exited: bool) -> None:
        """Close all sockets: the session can't be kept."""
        sockets, self.sockets = list(self.sockets), {}
        for socket in sockets:
            socket.lost(exited=exited)


@dataclass(frozen=True, slots=True, eq=False)
class _Owner:
    """The owner of a device's session."""

    devices: "DeviceSessions"
    device: DeviceSession

    def lost(self, *, exited: bool) -> None:
        """Forget the device, and close its sockets."""
        self.devices.forget(self.device)
        self.device.lost(exited=exited)


class DeviceSessions:
    """Gives sockets the session of their device, and takes it away.

    The chat service has checked the token of a device that has joined. If it is revoked, the record says so,
    and what watches that closes the sockets. So no other socket of the device needs a request.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._devices: dict[str, DeviceSession] = {}

    async def join(self, token: str, socket: SessionOwner) -> DeviceSession:
        """Give ``socket`` the session of the device with ``token``.

        The join of the first socket goes to the chat service; those that come meanwhile share its outcome.
        If the session is being put on the record again, they wait for that, too: nobody is welcomed with a
        list of users that they are not on.

        Raises:
            FaultError: the chat service's error; ``overloaded``: the device has too many sockets;
                ``unavailable``: it takes too long to put the session on the record again.
        """
        digest = hashlib.sha256(token.encode()).hexdigest()
        device = self._devices.get(digest)
        if device is None:
            return await self._open(token, digest, socket)
        if len(device.sockets) >= SOCKETS_MAX:
            message = f"a device may have at most {SOCKETS_MAX} sockets at once"
            raise refuse(ErrorCode.OVERLOADED, message, retry_after=_RETRY_SECONDS)
        device.sockets[socket] = None
        try:
            await asyncio.shield(device.ready)
            await _on_record(device.session)
        except BaseException:  # also a cancellation: the socket is gone
            await self.leave(device, socket, LeaveReason.CLOSED)
            raise
        return device

    async def leave(self, device: DeviceSession, socket: SessionOwner, manner: LeaveReason) -> None:
        """Take the session from ``socket``. With the last one, the connection is removed from the record."""
        if socket not in device.sockets:
            return
        del device.sockets[socket]
        if device.sockets or device.joined is None:
            return
        self.forget(device)
        await self._sessions.leave(device.session, manner)

    async def exit(self, device: DeviceSession, socket: SessionOwner) -> None:
        """Remove all connections of the user of ``socket``, who leaves; close the device's other sockets."""
        device.sockets.pop(socket, None)
        self.forget(device)
        await self._sessions.leave(device.session, LeaveReason.EXIT, everywhere=True)
        device.lost(exited=True)

    def forget(self, device: DeviceSession) -> None:
        """Let the next socket of the device join again."""
        if self._devices.get(device.digest) is device:
            del self._devices[device.digest]

    async def _open(self, token: str, digest: str, socket: SessionOwner) -> DeviceSession:
        """Join as the first socket of a device."""
        device = DeviceSession(digest, asyncio.get_running_loop().create_future())
        device.sockets[socket] = None
        self._devices[digest] = device
        request = JoinRequest(connection=self._sessions.new_connection(), token=token)
        try:
            session, reply = await self._sessions.join(request, _Owner(self, device))
        except BaseException as error:
            self.forget(device)
            del device.sockets[socket]
            stopped = refuse(ErrorCode.UNAVAILABLE, "the gateway is stopping; try again")
            device.ready.set_exception(error if isinstance(error, FaultError) else stopped)
            device.ready.exception()  # marks it as retrieved: there may be no other socket
            raise
        device.joined = session, reply.user
        device.ready.set_result(None)
        return device


async def _on_record(session: Session) -> None:
    """Wait until the session is on the record again, or closed."""
    if session.rejoin is not None:
        await asyncio.wait([session.rejoin], timeout=_REJOIN_SECONDS)
        if session.rejoining:
            raise refuse(
                ErrorCode.UNAVAILABLE, "the chat service does not respond", retry_after=_RETRY_SECONDS
            )
