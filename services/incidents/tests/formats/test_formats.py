"""What becomes of documented requests of each sender."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

import pytest

from opsroom_contracts.incidents.cards import Card, CardStatus, Severity
from opsroom_contracts.incidents.hooks import HookFormat
from opsroom_incidents.formats.draft import Draft, card_of
from opsroom_incidents.formats.payload import FormatError, Received
from opsroom_incidents.formats.registry import parse
from services.incidents.tests.formats.payloads import (
    ALERT,
    GITHUB,
    GITLAB,
    GRAFANA,
    SLACK_BLOCKS,
    SLACK_HEALTHCHECKS,
    SLACK_UPTIME_KUMA,
    UPTIME_KUMA,
    alertmanager,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def drafts(
    format_: HookFormat, body: Any, headers: dict[str, str] | None = None, key: str | None = None
) -> Any:
    return parse(format_, Received(json.dumps(body).encode(), headers or {}, key))


def one(format_: HookFormat, body: Any, headers: dict[str, str] | None = None) -> Draft:
    (draft,) = drafts(format_, body, headers)
    assert isinstance(draft, Draft)
    return draft


def card(draft: Draft) -> Card:
    return card_of(draft, "source", 0, NOW)


def values(shown: Card) -> dict[str, str]:
    return {field.name: field.value for field in shown.fields}


def buttons(shown: Card) -> dict[str, str | None]:
    return {action.label: action.url or action.command for action in shown.actions}


def refused(format_: HookFormat, body: bytes, headers: dict[str, str] | None = None) -> FormatError:
    with pytest.raises(FormatError) as raised:
        parse(format_, Received(body, headers or {}))
    return raised.value


def test_a_group_of_alertmanager_is_a_card() -> None:
    draft = one(HookFormat.ALERTMANAGER, alertmanager())
    assert draft.starts_at == datetime(2026, 11, 30, 10, 0, 0, 123456, tzinfo=UTC)
    shown = card(draft)
    assert shown.key == '{}/{severity="critical"}:{alertname="DiskFull"}'
    assert (shown.status, shown.severity) == (CardStatus.FIRING, Severity.CRITICAL)
    assert shown.title == "DiskFull: The disk of web-1 is almost full"
    assert shown.text == "93 % of /srv are used"
    assert values(shown) == {"instance": "web-1:9100", "job": "node"}
    assert shown.link == ALERT["generatorURL"]
    assert buttons(shown) == {
        "Acknowledge": "/ack",
        "Open incident": "/incident",
        "Runbook": "https://wiki.example/disk",
        "Alertmanager": "http://alertmanager.example:9093",
    }


def test_several_alerts_of_a_group_are_listed() -> None:
    other = {**ALERT, "fingerprint": "b", "labels": {**ALERT["labels"], "instance": "web-2:9100"}}
    ended = {**ALERT, "fingerprint": "c", "status": "resolved", "annotations": {}}
    shown = card(one(HookFormat.ALERTMANAGER, alertmanager(ALERT, other, ended)))
    assert shown.title == "DiskFull (2)"
    assert shown.text.splitlines() == [
        "- web-1:9100: The disk of web-1 is almost full",
        "- web-2:9100: The disk of web-1 is almost full",
        "- web-1:9100 (resolved)",
    ]
    many = [{**ALERT, "fingerprint": str(n)} for n in range(40)]
    assert card(one(HookFormat.ALERTMANAGER, alertmanager(*many))).text.splitlines()[-1] == "- and 30 more"


def test_repeated_notifications_are_one_delivery_and_changes_are_others() -> None:
    first = one(HookFormat.ALERTMANAGER, alertmanager()).delivery
    assert one(HookFormat.ALERTMANAGER, alertmanager()).delivery == first
    later = {**ALERT, "startsAt": "2026-11-30T11:00:00Z"}
    resolved = {**ALERT, "status": "resolved"}
    others = [
        alertmanager(later),
        alertmanager(resolved, status="resolved"),
        alertmanager(ALERT, {**ALERT, "fingerprint": "b"}),
    ]
    found = {one(HookFormat.ALERTMANAGER, other).delivery for other in others}
    assert len(found | {first}) == 4


def test_alertmanager_must_send_version_4() -> None:
    assert refused(HookFormat.ALERTMANAGER, b"{}").field == "version"
    assert refused(HookFormat.ALERTMANAGER, b'{"version":"4"}').field == "status"
    assert (
        refused(HookFormat.ALERTMANAGER, b'{"version":"4","status":"firing","alerts":{}}').field == "alerts"
    )
    assert refused(HookFormat.ALERTMANAGER, b"[]").field == ""
    assert refused(HookFormat.ALERTMANAGER, b"\xff").field == ""


def test_a_group_of_grafana_is_a_card() -> None:
    draft = one(HookFormat.GRAFANA, GRAFANA)
    assert draft.starts_at == datetime(2026, 11, 30, 9, 51, 3, 157076, tzinfo=timezone(timedelta(hours=2)))
    shown = card(draft)
    assert shown.title == "[FIRING:1] High memory (Ops blue)"
    assert shown.text == "The memory is nearly used up"
    assert values(shown) == {"team": "blue", "B": "44.23943737541908", "C": "1"}
    assert list(buttons(shown)) == ["Acknowledge", "Open incident", "Dashboard", "Silence", "Grafana"]
    assert card(one(HookFormat.GRAFANA, {**GRAFANA, "status": "resolved"})).status is CardStatus.RESOLVED


def test_a_monitor_of_uptime_kuma_is_a_card() -> None:
    down = one(HookFormat.UPTIME_KUMA, UPTIME_KUMA)
    shown = card(down)
    assert (shown.key, shown.title, shown.status) == ("monitor/3", "Shop is down", CardStatus.FIRING)
    assert shown.text == "connect ECONNREFUSED 192.0.2.7:443"
    assert values(shown)["Address"] == "https://shop.example"
    assert down.starts_at == datetime(2026, 11, 30, 10, 0, 0, 123000, tzinfo=UTC)
    beat = {**UPTIME_KUMA["heartbeat"], "status": 1, "msg": "200 - OK", "ping": 12}
    up = card(one(HookFormat.UPTIME_KUMA, {**UPTIME_KUMA, "heartbeat": beat}))
    assert (up.key, up.title, up.status) == ("monitor/3", "Shop is up", CardStatus.RESOLVED)
    assert values(up)["Ping"] == "12 ms"
    test = card(one(HookFormat.UPTIME_KUMA, {"heartbeat": None, "monitor": None, "msg": "Opsroom Testing"}))
    assert (test.key, test.title, test.status) == (None, "Opsroom Testing", CardStatus.INFO)
    assert refused(HookFormat.UPTIME_KUMA, b"{}").field == "msg"
    assert refused(HookFormat.UPTIME_KUMA, b'{"heartbeat":{"status":9}}').field == "heartbeat.status"


@pytest.mark.parametrize(
    ("event", "title", "key", "status"),
    [
        ("ping", "GitHub is connected: ops/shop", None, CardStatus.INFO),
        ("push", "ops/shop: 1 commit to main by ann", None, CardStatus.INFO),
        ("workflow_run", "ops/shop: CI failure", "ops/shop/run/30433642", CardStatus.FAILED),
        (
            "deployment_status",
            "ops/shop: deployment to production success",
            "ops/shop/deployment/7",
            CardStatus.SUCCEEDED,
        ),
        ("pull_request", "ops/shop#12 merged by ann: Fix the basket", "ops/shop/pull/12", CardStatus.INFO),
    ],
)
def test_events_of_github_are_cards(event: str, title: str, key: str | None, status: CardStatus) -> None:
    shown = card(one(HookFormat.GITHUB, GITHUB[event], {"x-github-event": event}))
    assert (shown.title, shown.key, shown.status, shown.source) == (title, key, status, "github")


def test_a_push_to_github_lists_its_commits() -> None:
    shown = card(one(HookFormat.GITHUB, GITHUB["push"], {"x-github-event": "push"}))
    assert shown.text == "- `0d1a26e6` Fix the basket (ann)"
    assert shown.link == GITHUB["push"]["compare"]
    gone = {**GITHUB["push"], "deleted": True, "commits": []}
    assert "was deleted" in card(one(HookFormat.GITHUB, gone, {"x-github-event": "push"})).title


def test_github_events_of_no_interest_are_no_cards_and_unknown_ones_are_named() -> None:
    assert drafts(HookFormat.GITHUB, {"action": "created"}, {"x-github-event": "star"}) == ()
    assert drafts(HookFormat.GITHUB, {"action": "labeled"}, {"x-github-event": "issues"}) == ()
    body = {"action": "created", "repository": {"full_name": "a/b"}, "sender": {"login": "ann"}}
    assert (
        one(HookFormat.GITHUB, body, {"x-github-event": "fork_of_it"}).title
        == "a/b: fork of it created by ann"
    )
    assert refused(HookFormat.GITHUB, b"{}").field == "X-GitHub-Event"
    form = {"x-github-event": "push", "content-type": "application/x-www-form-urlencoded"}
    assert refused(HookFormat.GITHUB, b"payload=%7B%7D", form).field == "Content-Type"


@pytest.mark.parametrize(
    ("event", "title", "key", "status"),
    [
        ("push", "ops/shop: 1 commit to main by Ann", None, CardStatus.INFO),
        ("pipeline", "ops/shop: pipeline 3 running", "ops/shop/pipeline/31", CardStatus.RUNNING),
        (
            "deployment",
            "ops/shop: deployment to staging success",
            "ops/shop/deployment/15",
            CardStatus.SUCCEEDED,
        ),
        (
            "merge_request",
            "ops/shop: !16 merged by Ann: Fix the basket",
            "ops/shop/merge_request/16",
            CardStatus.INFO,
        ),
    ],
)
def test_events_of_gitlab_are_cards(event: str, title: str, key: str | None, status: CardStatus) -> None:
    shown = card(one(HookFormat.GITLAB, GITLAB[event]))
    assert (shown.title, shown.key, shown.status, shown.source) == (title, key, status, "gitlab")
    assert drafts(HookFormat.GITLAB, {"object_kind": "note"}) == ()
    assert refused(HookFormat.GITLAB, b"{}").field == "object_kind"


def test_blocks_inside_attachments_are_read() -> None:
    shown = card(one(HookFormat.SLACK, SLACK_UPTIME_KUMA))
    assert (shown.title, shown.source, shown.severity) == (
        "Uptime Kuma Alert",
        "Uptime Kuma",
        Severity.CRITICAL,
    )
    assert shown.text == "[Shop] [🔴 Down] timeout @room"
    assert values(shown) == {"Message": "[Shop] [🔴 Down] timeout", "Time (UTC)": "2026-11-30 10:00:00"}
    assert buttons(shown) == {"Visit Uptime Kuma": "https://uptime.example/dashboard/3"}


def test_attachments_are_read() -> None:
    shown = card(one(HookFormat.SLACK, SLACK_HEALTHCHECKS))
    assert (shown.title, shown.link) == ("“backup” is DOWN.", "https://healthchecks.example/cloaked/abc/")
    assert (shown.source, shown.severity, shown.status) == (
        "Healthchecks",
        Severity.CRITICAL,
        CardStatus.INFO,
    )
    assert values(shown) == {
        "Project": "Ops",
        "Tags": "`db` `nightly`",
        "Last Ping": "Failure, 5 minutes ago",
    }


def test_blocks_are_read() -> None:
    shown = card(one(HookFormat.SLACK, SLACK_BLOCKS))
    assert shown.title == "Danny left a review"
    assert shown.text.split("\n\n") == [
        "**Danny** left a [review](https://example.com/r):",
        "Great & <b>quick</b> & @U024BE7LH",
        "**Rated **:star:\n- one\n- https://example.com/",
        "Reviewed today",
    ]
    assert buttons(shown) == {"Read": "https://example.com/r"}


def test_slack_is_read_from_a_form_and_from_json_that_is_sent_as_one() -> None:
    message = {"text": "Build & deploy\nof *main*"}
    form = {"content-type": "application/x-www-form-urlencoded"}
    for body in (urlencode({"payload": json.dumps(message)}), json.dumps(message)):
        (draft,) = parse(HookFormat.SLACK, Received(body.encode(), form))
        assert (draft.title, draft.text) == ("Build & deploy", "of **main**")
    assert refused(HookFormat.SLACK, b"a=b", form).field == "payload"
    assert refused(HookFormat.SLACK, b"payload=%7B", form).field == ""
    assert refused(HookFormat.SLACK, b'{"username":"x"}').field == "text"


def test_a_json_report_is_a_card() -> None:
    body = {
        "title": "Backup",
        "key": "backup",
        "status": "down",
        "severity": "warning",
        "source": "cron",
        "text": "It **failed**",
        "link": "https://example.com/log",
        "fields": [{"name": "host", "value": "db-1"}],
        "links": [{"label": "Log", "url": "https://example.com/log"}],
    }
    shown = card(one(HookFormat.JSON, body))
    assert (shown.key, shown.status, shown.severity) == ("backup", CardStatus.FIRING, Severity.WARNING)
    assert (shown.source, shown.text, values(shown)) == ("cron", "It **failed**", {"host": "db-1"})
    assert buttons(shown) == {
        "Acknowledge": "/ack",
        "Open incident": "/incident",
        "Log": "https://example.com/log",
    }
    assert drafts(HookFormat.JSON, body, key="other")[0].key == "other"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"status": "broken"}, "status"),
        ({"severity": "awful"}, "severity"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"links": [{"label": "x", "url": "data:text/html,x"}]}, "links"),
        ({"command": "/rm web-1"}, "command"),
        ({"actions": [{"label": "x", "command": "/rm web-1"}]}, "actions"),
    ],
)
def test_a_bad_json_report_is_refused_by_its_field(change: dict[str, Any], field: str) -> None:
    assert refused(HookFormat.JSON, json.dumps({"title": "x", **change}).encode()).field == field
