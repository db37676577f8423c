"""What users are notified of: reported to their sockets, after the welcome and after each change."""

import logging
from datetime import datetime

from opsroom_contracts.chat.frames import NotificationsFrame
from opsroom_contracts.chat.notifications import NOTIFICATIONS_RECORD, NotificationSettings
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.subjects import notifications_subject
from opsroom_gateway.transport.connection import ClientConnection
from opsroom_gateway.transport.encoding import text_frame
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage

_PREFIX = notifications_subject("")
_USUAL = NotificationSettings()

log = logging.getLogger(__name__)


class NotificationSettingsProjection:
    """The settings that differ from the usual ones, and the sockets that want to know."""

    def __init__(self) -> None:
        self.malformed = 0
        self._settings: dict[str, NotificationSettings] = {}
        self._building: dict[str, NotificationSettings] | None = None
        self._sockets: dict[str, set[ClientConnection]] = {}

    @staticmethod
    def is_mine(subject: str) -> bool:
        """Whether a record of the stream is one of these."""
        return subject.startswith(_PREFIX)

    def attach(self, socket: ClientConnection, user_id: str) -> None:
        """Report the settings of a user to a socket now, and after each change."""
        socket.write(_frame(self._settings.get(user_id, _USUAL)))
        self._sockets.setdefault(user_id, set()).add(socket)

    def detach(self, socket: ClientConnection, user_id: str) -> None:
        """Stop reporting to a socket."""
        sockets = self._sockets.get(user_id, set())
        sockets.discard(socket)
        if not sockets:
            self._sockets.pop(user_id, None)

    def on_restart(self, restart: Restart) -> None:
        """Continue, or build a second view, which replaces the present one when complete."""
        self._building = {} if restart.reset else None

    def on_message(self, message: StreamMessage) -> None:
        """Apply one record. Records that violate their contract are skipped, counted and logged."""
        user_id = message.subject.removeprefix(_PREFIX)
        try:
            settings = NOTIFICATIONS_RECORD.read(message.data).settings
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)
            return
        if self._building is not None:
            self._building[user_id] = settings
        else:
            self._apply(user_id, settings)

    def on_synced(self) -> None:
        """Replace the present view with the second one, and report the differences."""
        if self._building is None:
            return
        found, self._building = self._building, None
        for user_id in {*self._settings, *found}:
            self._apply(user_id, found.get(user_id, _USUAL))

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Records are replaced, and one that is gone was empty."""
        return False

    def _apply(self, user_id: str, settings: NotificationSettings) -> None:
        before = self._settings.get(user_id, _USUAL)
        if settings == _USUAL:
            self._settings.pop(user_id, None)
        else:
            self._settings[user_id] = settings
        if settings != before:
            data = _frame(settings)
            for socket in self._sockets.get(user_id, ()):
                socket.write(data)


def _frame(settings: NotificationSettings) -> bytes:
    return text_frame(encode(NotificationsFrame(settings=settings)))
