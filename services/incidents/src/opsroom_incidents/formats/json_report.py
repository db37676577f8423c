"""The format for programs whose requests one can write: :class:`JsonReport`."""

from typing import Final

from opsroom_contracts.incidents.cards import CardKind, CardStatus, Severity
from opsroom_contracts.incidents.hooks import JsonReport
from opsroom_contracts.serialization.codec import ContractError, contract_of, decode
from opsroom_incidents.formats.draft import Draft, severity_of, web_link
from opsroom_incidents.formats.payload import FormatError, Received

_STATUSES: Final = {
    **{status.value: status for status in CardStatus},
    **dict.fromkeys(("up", "ok", "success", "recovered"), CardStatus.RESOLVED),
    **dict.fromkeys(("down", "error", "alerting", "fail"), CardStatus.FIRING),
}


def json_report(received: Received) -> tuple[Draft, ...]:
    """Return the report.

    Raises:
        FormatError: it does not fit :class:`JsonReport`, or names an unknown status, severity or address.
    """
    try:
        report = decode(contract_of(JsonReport), received.body)
    except ContractError as error:
        raise FormatError(error.field, error.reason) from None
    status = _STATUSES.get(report.status.lower())
    if status is None:
        raise FormatError("status", f"must be one of {', '.join(sorted(_STATUSES))}")
    return (
        Draft(
            kind=CardKind(report.kind),
            status=status,
            title=report.title,
            key=received.key or report.key,
            source=report.source,
            text=report.text,
            fields=tuple((field.name, field.value) for field in report.fields),
            links=tuple((link.label, _checked("links", link.url)) for link in report.links),
            link=_checked("link", report.link),
            severity=_severity(report.severity),
        ),
    )


def _severity(value: str | None) -> Severity | None:
    if value is None:
        return None
    severity = severity_of(value)
    if severity is None:
        raise FormatError("severity", "must be info, warning or critical")
    return severity


def _checked(field: str, address: str) -> str:
    if address and web_link(address) is None:
        raise FormatError(field, "must be an address that begins with http:// or https://")
    return address
