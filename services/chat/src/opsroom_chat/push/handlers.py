"""Handlers of requests about notifications."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from opsroom_chat.domain import notifying as rules
from opsroom_chat.domain.member_index import MemberIndex
from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.members.repository import MemberRepository
from opsroom_chat.push.encryption import receiver_of
from opsroom_chat.push.records import NotificationRecords
from opsroom_contracts import endpoints
from opsroom_contracts.chat.devices import DEVICES_MAX
from opsroom_contracts.chat.models import Member
from opsroom_contracts.chat.notifications import (
    ChangeNotificationsReply,
    ChangeNotificationsRequest,
    NotificationsRecord,
    NotificationsReply,
    NotificationsRequest,
    PushDevice,
    PushDevices,
    PushView,
    SubscribeRequest,
    UnsubscribeRequest,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_messaging.client.microservice import MicroService
from opsroom_runtime.outbound.addresses import AddressRule


@dataclass(frozen=True, slots=True)
class PushPort:
    """Web Push, as far as handlers need it.

    Attributes:
        public_key: that of this portal; None: it pushes nothing.
        prepare: sees to it that messages from now on are pushed.
        allow_private: whether push services may be in private networks.
    """

    public_key: Callable[[], str | None]
    prepare: Callable[[], Awaitable[None]]
    allow_private: bool


class NotificationHandlers:
    """Handlers of ``chat.notifications``, ``chat.change-notifications``, and of subscriptions."""

    def __init__(
        self,
        records: NotificationRecords,
        members: MemberRepository,
        *,
        push: PushPort,
        open_rooms: Collection[str],
        clock: Clock,
    ) -> None:
        self._records = records
        self._members = members
        self._push = push
        self._open = frozenset(open_rooms)
        self._clock = clock

    def register(self, service: MicroService) -> None:
        """Add the handlers to ``service``."""
        service.add(endpoints.NOTIFICATIONS, self.get)
        service.add(endpoints.CHANGE_NOTIFICATIONS, self.change)
        service.add(endpoints.SUBSCRIBE, self.subscribe)
        service.add(endpoints.UNSUBSCRIBE, self.unsubscribe)

    @property
    def _index(self) -> MemberIndex:
        return self._members.index

    async def get(self, request: NotificationsRequest) -> NotificationsReply:
        """Return the settings of a person.

        Raises:
            UnavailableError: the broker did not reply.
        """
        record = await self._records.settings(request.user_id)
        devices = PushDevices(
            user_id=request.user_id, devices=self._index.notifications.devices(request.user_id)
        )
        push = None if self._push.public_key() is None else self._view(devices, request.token_hash)
        return NotificationsReply(settings=record.settings, push=push)

    async def change(self, request: ChangeNotificationsRequest) -> ChangeNotificationsReply:
        """Change settings.

        Raises:
            FaultError: ``user_unknown``; ``room_unknown``: not a member; ``invalid_request``: an unknown time
                zone, or ``quiet`` and ``quietOff`` both.
            UnavailableError: the broker did not reply.
        """
        await self._member(request.user_id)
        if request.quiet is not None:
            rules.check_zone(request.quiet)
            if request.quiet_off:
                message = "quietOff: must not be combined with quiet"
                raise refuse(ErrorCode.INVALID_REQUEST, message, field="quietOff")
        rooms = self._rooms(request.user_id)
        for room in request.rooms or ():
            if room not in rooms:
                message = f"there is no room {room!r} that you are in"
                raise refuse(ErrorCode.ROOM_UNKNOWN, message, field="rooms")
        record, seq = await self._records.change_settings(
            request.user_id, lambda before: _changed(before, request, rooms)
        )
        if seq:
            self._index.notifications.put_settings(request.user_id, record.settings, seq)
        return ChangeNotificationsReply(settings=record.settings, seq=seq)

    async def subscribe(self, request: SubscribeRequest) -> PushView:
        """Push to a device from now on.

        Raises:
            FaultError: ``invalid_request``: the address or the keys; ``token_invalid``: the device is not
                signed in; ``unsupported``: this portal pushes nothing.
            UnavailableError: the broker did not reply.
        """
        if self._push.public_key() is None:
            raise refuse(ErrorCode.UNSUPPORTED, "push is turned off on this portal")
        AddressRule("endpoint", "CHAT_PUSH_PRIVATE", self._push.allow_private).check(request.endpoint)
        try:
            receiver_of(request.keys)
        except ValueError:
            message = "keys.p256dh: is not a point of the curve P-256"
            raise refuse(ErrorCode.INVALID_REQUEST, message, field="keys.p256dh") from None
        member = await self._member(request.user_id)
        if member.device(request.token_hash) is None:
            raise refuse(ErrorCode.TOKEN_INVALID, "the token is not valid: register again", field="token")
        device = PushDevice(
            token_hash=request.token_hash,
            endpoint=request.endpoint,
            keys=request.keys,
            at=to_milliseconds(self._clock()),
            contact=request.contact,
        )
        await self._push.prepare()
        return await self._change_devices(
            request.user_id, request.token_hash, lambda before: _with_device(before, device)
        )

    async def unsubscribe(self, request: UnsubscribeRequest) -> PushView:
        """Push no more to a device.

        Raises:
            FaultError: ``unsupported``: this portal pushes nothing.
            UnavailableError: the broker did not reply.
        """
        return await self._change_devices(
            request.user_id, request.token_hash, lambda before: without_device(before, request.token_hash)
        )

    async def _change_devices(
        self, user_id: str, token_hash: str, change: Callable[[PushDevices], PushDevices]
    ) -> PushView:
        record, seq = await self._records.change_devices(user_id, change)
        if seq:
            self._index.notifications.put_devices(record, seq)
        return self._view(record, token_hash)

    def _view(self, record: PushDevices, token_hash: str | None) -> PushView:
        public_key = self._push.public_key()
        if public_key is None:
            raise refuse(ErrorCode.UNSUPPORTED, "push is turned off on this portal")
        here = any(one.token_hash == token_hash for one in record.devices)
        return PushView(public_key=public_key, devices=len(record.devices), here=here)

    async def _member(self, user_id: str) -> Member:
        member = await self._members.find(user_id, lambda _: True)
        if member is None:
            raise refuse(ErrorCode.USER_UNKNOWN, f"no user has the id {user_id}", field="userId")
        return member

    def _rooms(self, user_id: str) -> frozenset[str]:
        person = self._index.rooms.person(user_id)
        return self._open if person is None else self._open | set(person.rooms)


def without_device(record: PushDevices, token_hash: str) -> PushDevices:
    """Return the record without the device with a token of this digest."""
    devices = tuple(one for one in record.devices if one.token_hash != token_hash)
    return record.model_copy(update={"devices": devices})


def _with_device(record: PushDevices, device: PushDevice) -> PushDevices:
    """Return the record with ``device``; it is not stored again if only the time differs."""
    for known in record.devices:
        if known.model_copy(update={"at": device.at}) == device:
            return record
    others = without_device(record, device.token_hash).devices
    others = tuple(one for one in others if one.endpoint != device.endpoint)
    return record.model_copy(update={"devices": (*others, device)[-DEVICES_MAX:]})


def _changed(
    record: NotificationsRecord, request: ChangeNotificationsRequest, rooms: Collection[str]
) -> NotificationsRecord:
    before = record.settings
    quiet = None if request.quiet_off else request.quiet or before.quiet
    after = before.model_copy(
        update={
            "level": request.level or before.level,
            "rooms": rules.changed_levels(before.rooms, request.rooms or {}, rooms),
            "quiet": quiet,
        }
    )
    return record.model_copy(update={"settings": after})
