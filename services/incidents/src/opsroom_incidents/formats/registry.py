"""The parser of each format."""

from collections.abc import Callable
from typing import Final

from opsroom_contracts.incidents.hooks import HookFormat
from opsroom_incidents.formats.alertmanager import alertmanager, grafana
from opsroom_incidents.formats.draft import Draft
from opsroom_incidents.formats.github import github
from opsroom_incidents.formats.gitlab import gitlab
from opsroom_incidents.formats.json_report import json_report
from opsroom_incidents.formats.payload import Received
from opsroom_incidents.formats.slack import slack
from opsroom_incidents.formats.uptime_kuma import uptime_kuma

_PARSERS: Final[dict[HookFormat, Callable[[Received], tuple[Draft, ...]]]] = {
    HookFormat.SLACK: slack,
    HookFormat.ALERTMANAGER: alertmanager,
    HookFormat.GRAFANA: grafana,
    HookFormat.GITHUB: github,
    HookFormat.GITLAB: gitlab,
    HookFormat.UPTIME_KUMA: uptime_kuma,
    HookFormat.JSON: json_report,
}


def parse(format_: HookFormat, received: Received) -> tuple[Draft, ...]:
    """Return what a request reports; nothing if its sender says nothing of interest.

    Raises:
        FormatError: the body does not have this format.
    """
    return _PARSERS[format_](received)
