"""In-memory index of notification settings and of the devices that get pushes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from opsroom_contracts.chat.notifications import (
    NotificationSettings,
    NotifyLevel,
    PushDevice,
    PushDevices,
)

_USUAL = NotificationSettings()


@dataclass(frozen=True, slots=True)
class _Devices:
    devices: tuple[PushDevice, ...]
    seq: int


@dataclass(slots=True)
class NotificationIndex:
    """The latest records; an older one never replaces a newer one."""

    _settings: dict[str, tuple[int, NotificationSettings]] = field(default_factory=dict)
    _devices: dict[str, _Devices] = field(default_factory=dict)
    _owners: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Who has subscribed an endpoint last: a browser that two people use has one endpoint for both."""
    _hearing: dict[str | None, set[str]] = field(default_factory=dict)
    """Who is notified of every message, by room; None: in all rooms that their settings don't list."""

    def put_settings(self, user_id: str, settings: NotificationSettings, seq: int) -> None:
        """Apply the settings of a person."""
        known_seq, known = self._settings.get(user_id, (0, _USUAL))
        if seq < known_seq:
            return
        for room in _heard_rooms(known):
            self._hearing.get(room, set()).discard(user_id)
        for room in _heard_rooms(settings):
            self._hearing.setdefault(room, set()).add(user_id)
        if settings == _USUAL:
            self._settings.pop(user_id, None)
        else:
            self._settings[user_id] = (seq, settings)

    def put_devices(self, record: PushDevices, seq: int) -> None:
        """Apply the devices of a person."""
        user_id = record.user_id
        known = self._devices.get(user_id)
        if known is not None and known.seq > seq:
            return
        for device in () if known is None else known.devices:
            if self._owners.get(device.endpoint, (0, ""))[1] == user_id:
                del self._owners[device.endpoint]
        for device in record.devices:
            if seq >= self._owners.get(device.endpoint, (0, ""))[0]:
                self._owners[device.endpoint] = (seq, user_id)
        if record.devices:
            self._devices[user_id] = _Devices(record.devices, seq)
        else:
            self._devices.pop(user_id, None)

    def settings(self, user_id: str) -> NotificationSettings:
        """Return what a person wants to be notified of."""
        return self._settings.get(user_id, (0, _USUAL))[1]

    def devices(self, user_id: str) -> tuple[PushDevice, ...]:
        """Return the devices of a person, without those that another person has subscribed since."""
        known = self._devices.get(user_id)
        if known is None:
            return ()
        return tuple(one for one in known.devices if self._owners.get(one.endpoint, (0, ""))[1] == user_id)

    def has_devices(self, user_id: str) -> bool:
        """Whether a person has any device that gets pushes."""
        return user_id in self._devices

    def reachable(self) -> Iterator[str]:
        """Iterate over the ids of all people with such devices."""
        return iter(list(self._devices))

    def hearing(self, room: str) -> set[str]:
        """Return the ids of those who may be notified of every message in ``room``."""
        return self._hearing.get(None, set()) | self._hearing.get(room, set())

    def people(self) -> set[str]:
        """Return the ids of all people with a record."""
        return {*self._devices, *self._settings}

    def counts(self) -> dict[str, int]:
        """Return the sizes for the statistics."""
        return {"push_devices": sum(len(one.devices) for one in self._devices.values())}


def _heard_rooms(settings: NotificationSettings) -> list[str | None]:
    rooms: list[str | None] = [room for room, level in settings.rooms.items() if level is NotifyLevel.ALL]
    return [None, *rooms] if settings.level is NotifyLevel.ALL else rooms
