"""Uptime Kuma's webhook with the body type JSON: ``{"heartbeat": …, "monitor": …, "msg": …}``.

Its source, ``server/notification-providers/webhook.js`` of louislam/uptime-kuma, is what defines it.
"""

from typing import Final

from opsroom_contracts.incidents.cards import CardKind, CardStatus, Severity
from opsroom_incidents.formats.draft import Draft, digest
from opsroom_incidents.formats.payload import FormatError, Received, moment, obj, parse_object, text

_STATUSES: Final = {
    "0": (CardStatus.FIRING, "is down"),
    "1": (CardStatus.RESOLVED, "is up"),
    "2": (CardStatus.INFO, "is pending"),
    "3": (CardStatus.INFO, "is in maintenance"),
}


def uptime_kuma(received: Received) -> tuple[Draft, ...]:
    """Return the report of a monitor; of a test notification, one without a key.

    Raises:
        FormatError: it has neither a message nor a heartbeat.
    """
    found = parse_object(received.body)
    beat, monitor, message = obj(found.get("heartbeat")), obj(found.get("monitor")), text(found.get("msg"))
    if not beat:
        if not message:
            raise FormatError("msg", "is required")
        return (Draft(CardKind.ALERT, CardStatus.INFO, message, source="uptime-kuma"),)
    if text(beat.get("status")) not in _STATUSES:
        raise FormatError("heartbeat.status", "must be 0 (down), 1 (up), 2 (pending) or 3 (maintenance)")
    status, words = _STATUSES[text(beat.get("status"))]
    name = text(monitor.get("name")) or "Monitor"
    monitor_id = text(monitor.get("id")) or text(beat.get("monitorID")) or name
    address = text(monitor.get("url"))
    host = text(monitor.get("hostname"))
    port = text(monitor.get("port"))
    ping = text(beat.get("ping"))
    return (
        Draft(
            kind=CardKind.ALERT,
            status=status,
            title=f"{name} {words}",
            key=f"monitor/{monitor_id}",
            text=text(beat.get("msg")) or message,
            fields=tuple(
                (label, value)
                for label, value in (
                    (
                        "Address",
                        address if len(address) > len("https://") else f"{host}:{port}" if port else host,
                    ),
                    ("Time", text(beat.get("localDateTime")) or text(beat.get("time"))),
                    ("Time zone", text(beat.get("timezone"))),
                    ("Ping", f"{ping} ms" if ping else ""),
                )
                if value
            ),
            link=address,
            severity=Severity.CRITICAL if status is CardStatus.FIRING else None,
            starts_at=moment(beat.get("time")),
            delivery=digest("heartbeat", monitor_id, status.value, text(beat.get("time"))),
        ),
    )
