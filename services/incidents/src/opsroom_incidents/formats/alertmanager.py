"""Alertmanager's webhook, version 4, and Grafana's, which has the same form and some fields more.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config and
https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
describe them. A group of alerts is one card: its key is the ``groupKey``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from opsroom_contracts.incidents.cards import CardKind, CardStatus
from opsroom_incidents.formats.draft import Draft, digest, severity_of
from opsroom_incidents.formats.payload import (
    FormatError,
    JsonObject,
    Received,
    moment,
    obj,
    objects,
    parse_object,
    text,
    text_at,
)

_SHOWN_ALERTS: Final = 10
_SHOWN_LABELS: Final = 12
_STATUSES: Final = {"firing": CardStatus.FIRING, "resolved": CardStatus.RESOLVED}
_TEXTS: Final = ("summary", "description", "message")


def alertmanager(received: Received) -> tuple[Draft, ...]:
    """Return the report of a group of alerts.

    Raises:
        FormatError: it is not version 4 of Alertmanager's format.
    """
    group = parse_object(received.body)
    version = text(group.get("version"))
    if version != "4":
        raise FormatError(
            "version", f"must be 4, which Alertmanager 0.15 and later send; it is {version!r}"[:200]
        )
    return (_draft(group, text(group.get("externalURL"))),)


def grafana(received: Received) -> tuple[Draft, ...]:
    """Return the report of a group of Grafana's alerts.

    Raises:
        FormatError: it has no alerts, or no status.
    """
    group = parse_object(received.body)
    return (_draft(group, text(group.get("externalURL")), title=text(group.get("title"))),)


def _draft(group: JsonObject, external: str, title: str = "") -> Draft:
    status = _STATUSES.get(text(group.get("status")))
    if status is None:
        raise FormatError("status", "must be firing or resolved")
    alerts = objects(group.get("alerts"))
    if not alerts:
        raise FormatError("alerts", "must be a list with at least one alert")
    common, annotations = obj(group.get("commonLabels")), obj(group.get("commonAnnotations"))
    firing = [one for one in alerts if text(one.get("status")) != "resolved"]
    name = text(common.get("alertname")) or text_at(alerts[0], "labels", "alertname")
    return Draft(
        kind=CardKind.ALERT,
        status=status,
        title=title or _title(name or "Alert", text(annotations.get("summary")), len(firing), len(alerts)),
        key=text(group.get("groupKey")) or digest("group", sorted(obj(group.get("groupLabels")).items())),
        text=_text(alerts, annotations),
        fields=tuple(_fields(common, alerts)),
        links=tuple(_links(alerts[0], annotations, external)),
        link=text(alerts[0].get("generatorURL")),
        severity=severity_of(text(common.get("severity")) or text_at(alerts[0], "labels", "severity")),
        starts_at=_starts_at(firing or alerts),
        delivery=_delivery(status, alerts),
    )


def _title(name: str, summary: str, firing: int, total: int) -> str:
    count = f" ({firing or total})" if total > 1 else ""
    return f"{name}{count}: {summary}" if summary else f"{name}{count}"


def _text(alerts: Sequence[JsonObject], common: JsonObject) -> str:
    """Return what the alerts say: all of it if there is one, otherwise a line for each."""
    if len(alerts) == 1:
        notes = obj(alerts[0].get("annotations"))
        found = (text(notes.get(name)) for name in ("description", "message"))
        return "\n\n".join(one for one in found if one)
    shared = text(common.get("description")) or text(common.get("message"))
    shown = [f"- {_line(alert)}" for alert in alerts[:_SHOWN_ALERTS]]
    if len(alerts) > _SHOWN_ALERTS:
        shown.append(f"- and {len(alerts) - _SHOWN_ALERTS} more")
    return "\n".join(([shared, ""] if shared else []) + shown)


def _line(alert: JsonObject) -> str:
    labels, notes = obj(alert.get("labels")), obj(alert.get("annotations"))
    where = text(labels.get("instance")) or text(labels.get("pod")) or text(labels.get("alertname"))
    what = next((text(notes.get(name)) for name in _TEXTS if text(notes.get(name))), "")
    ended = " (resolved)" if text(alert.get("status")) == "resolved" else ""
    words = " ".join(what[:300].split())
    return (f"{where[:100]}: {words}" if words else where[:100] or "alert") + ended


def _fields(common: JsonObject, alerts: Sequence[JsonObject]) -> list[tuple[str, str]]:
    shown = [
        (name, text(value))
        for name, value in sorted(common.items())[: 4 * _SHOWN_LABELS]
        if name not in {"alertname", "severity", "grafana_folder"} and text(value)
    ][:_SHOWN_LABELS]
    if len(alerts) == 1:
        values = obj(alerts[0].get("values"))
        shown += [(name, text(value)) for name, value in sorted(values.items())[:5] if text(value)]
    return shown


def _links(alert: JsonObject, common: JsonObject, external: str) -> list[tuple[str, str]]:
    runbook = text(common.get("runbook_url")) or text_at(alert, "annotations", "runbook_url")
    return [
        ("Runbook", runbook),
        ("Dashboard", text(alert.get("dashboardURL"))),
        ("Panel", text(alert.get("panelURL"))),
        ("Silence", text(alert.get("silenceURL"))),
        ("Alertmanager" if "silenceURL" not in alert else "Grafana", external),
    ]


def _starts_at(alerts: Sequence[JsonObject]) -> datetime | None:
    return min((found for one in alerts if (found := moment(one.get("startsAt"))) is not None), default=None)


def _delivery(status: CardStatus, alerts: Sequence[JsonObject]) -> str:
    """Return what repeated notifications of an unchanged group have in common.

    The start of each alert counts: what fires again after it was resolved is a new report.
    """
    known = sorted(
        (
            text(one.get("fingerprint")) or repr(sorted(obj(one.get("labels")).items()))[:2000],
            text(one.get("status")),
            text(one.get("startsAt")),
        )
        for one in alerts
    )
    return digest("group", status.value, known)
