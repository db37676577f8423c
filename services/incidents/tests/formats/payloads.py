"""Requests as the documentation or the source of each sender shows them, with other values."""

from typing import Any, Final

from opsroom_contracts.incidents.hooks import HookFormat

JsonValue = Any

ALERT: Final[dict[str, JsonValue]] = {
    "status": "firing",
    "labels": {
        "alertname": "DiskFull",
        "instance": "web-1:9100",
        "job": "node",
        "severity": "critical",
    },
    "annotations": {
        "summary": "The disk of web-1 is almost full",
        "description": "93 % of /srv are used",
        "runbook_url": "https://wiki.example/disk",
    },
    "startsAt": "2026-11-30T10:00:00.123456789Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example:9090/graph?g0.expr=disk+%3E+90&g0.tab=1",
    "fingerprint": "1a30ba71cca2921f",
}


def alertmanager(
    *alerts: dict[str, JsonValue], status: str = "firing", **more: JsonValue
) -> dict[str, JsonValue]:
    """Return what Alertmanager sends about a group."""
    shown = alerts or (ALERT,)
    labels = [set(one["labels"].items()) for one in shown]
    notes = [set(one["annotations"].items()) for one in shown]
    return {
        "receiver": "opsroom",
        "status": status,
        "alerts": list(shown),
        "groupLabels": {"alertname": "DiskFull"},
        "commonLabels": dict(set.intersection(*labels)),
        "commonAnnotations": dict(set.intersection(*notes)),
        "externalURL": "http://alertmanager.example:9093",
        "version": "4",
        "groupKey": '{}/{severity="critical"}:{alertname="DiskFull"}',
        "truncatedAlerts": 0,
        **more,
    }


GRAFANA: Final[dict[str, JsonValue]] = {
    "receiver": "opsroom",
    "status": "firing",
    "orgId": 1,
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "High memory", "team": "blue", "grafana_folder": "Ops"},
            "annotations": {"description": "The memory is nearly used up", "summary": "Memory of zone 1"},
            "startsAt": "2026-11-30T09:51:03.157076+02:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.example/alerting/1afz29v7z/edit",
            "fingerprint": "c6eadffa33fcdf37",
            "silenceURL": "https://grafana.example/alerting/silence/new?alertmanager=grafana",
            "dashboardURL": "https://grafana.example/d/abc",
            "panelURL": "",
            "values": {"B": 44.23943737541908, "C": 1},
        }
    ],
    "groupLabels": {"alertname": "High memory"},
    "commonLabels": {"alertname": "High memory", "team": "blue", "grafana_folder": "Ops"},
    "commonAnnotations": {"summary": "Memory of zone 1"},
    "externalURL": "https://grafana.example/",
    "version": "1",
    "groupKey": '{}:{alertname="High memory"}',
    "truncatedAlerts": 0,
    "title": "[FIRING:1] High memory (Ops blue)",
    "state": "alerting",
    "message": "**Firing**\n\nValue: B=44.2",
}

UPTIME_KUMA: Final[dict[str, JsonValue]] = {
    "heartbeat": {
        "monitorID": 3,
        "status": 0,
        "time": "2026-11-30 10:00:00.123",
        "msg": "connect ECONNREFUSED 192.0.2.7:443",
        "important": True,
        "duration": 60,
        "timezone": "Europe/Berlin",
        "timezoneOffset": "+01:00",
        "localDateTime": "2026-11-30 11:00:00",
    },
    "monitor": {
        "id": 3,
        "name": "Shop",
        "url": "https://shop.example",
        "hostname": None,
        "port": None,
        "type": "http",
        "tags": [],
    },
    "msg": "[Shop] [🔴 Down] connect ECONNREFUSED 192.0.2.7:443",
}

_REPOSITORY = {"full_name": "ops/shop", "html_url": "https://github.example/ops/shop"}
GITHUB: Final[dict[str, dict[str, JsonValue]]] = {
    "ping": {
        "zen": "Keep it logically awesome.",
        "hook_id": 1,
        "repository": _REPOSITORY,
        "sender": {"login": "ann"},
    },
    "push": {
        "ref": "refs/heads/main",
        "before": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        "after": "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c",
        "created": False,
        "deleted": False,
        "compare": "https://github.example/ops/shop/compare/6113728f27ae...0d1a26e67d8f",
        "commits": [
            {
                "id": "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c",
                "message": "Fix the basket\n\nIt was empty.",
                "author": {"name": "Ann", "username": "ann"},
            }
        ],
        "pusher": {"name": "ann"},
        "repository": _REPOSITORY,
        "sender": {"login": "ann"},
    },
    "workflow_run": {
        "action": "completed",
        "workflow_run": {
            "id": 30433642,
            "name": "CI",
            "head_branch": "main",
            "head_sha": "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c",
            "run_attempt": 1,
            "event": "push",
            "status": "completed",
            "conclusion": "failure",
            "display_title": "Fix the basket",
            "html_url": "https://github.example/ops/shop/actions/runs/30433642",
            "run_started_at": "2026-11-30T10:00:00Z",
            "actor": {"login": "ann"},
        },
        "repository": _REPOSITORY,
        "sender": {"login": "ann"},
    },
    "deployment_status": {
        "action": "created",
        "deployment_status": {
            "state": "success",
            "environment": "production",
            "target_url": "https://shop.example",
        },
        "deployment": {"id": 7, "ref": "main", "sha": "0d1a26e67d8f", "creator": {"login": "ann"}},
        "repository": _REPOSITORY,
        "sender": {"login": "ann"},
    },
    "pull_request": {
        "action": "closed",
        "number": 12,
        "pull_request": {
            "number": 12,
            "title": "Fix the basket",
            "merged": True,
            "html_url": "https://github.example/ops/shop/pull/12",
        },
        "repository": _REPOSITORY,
        "sender": {"login": "ann"},
    },
}

GITLAB: Final[dict[str, dict[str, JsonValue]]] = {
    "pipeline": {
        "object_kind": "pipeline",
        "object_attributes": {
            "id": 31,
            "iid": 3,
            "ref": "main",
            "sha": "bcbb5ec396a2c0f828686f14fac9b80b780504f2",
            "source": "push",
            "status": "running",
            "url": "https://gitlab.example/ops/shop/-/pipelines/31",
        },
        "user": {"name": "Ann", "username": "ann"},
        "project": {
            "name": "Shop",
            "path_with_namespace": "ops/shop",
            "web_url": "https://gitlab.example/ops/shop",
        },
        "commit": {"title": "Fix the basket"},
    },
    "push": {
        "object_kind": "push",
        "ref": "refs/heads/main",
        "after": "da1560886d4f094c3e6c9ef40349f7d38b5d27d7",
        "user_name": "Ann",
        "project": {"path_with_namespace": "ops/shop", "web_url": "https://gitlab.example/ops/shop"},
        "commits": [
            {
                "id": "da1560886d4f094c3e6c9ef40349f7d38b5d27d7",
                "title": "Fix the basket",
                "author": {"name": "Ann"},
            }
        ],
        "total_commits_count": 1,
    },
    "deployment": {
        "object_kind": "deployment",
        "status": "success",
        "deployment_id": 15,
        "deployable_url": "https://gitlab.example/ops/shop/-/jobs/796",
        "environment": "staging",
        "project": {"path_with_namespace": "ops/shop", "web_url": "https://gitlab.example/ops/shop"},
        "short_sha": "279484c0",
        "user": {"name": "Ann"},
        "ref": "main",
        "commit_title": "Fix the basket",
    },
    "merge_request": {
        "object_kind": "merge_request",
        "user": {"name": "Ann"},
        "project": {"path_with_namespace": "ops/shop", "web_url": "https://gitlab.example/ops/shop"},
        "object_attributes": {
            "iid": 16,
            "title": "Fix the basket",
            "action": "merge",
            "url": "https://gitlab.example/ops/shop/-/merge_requests/16",
        },
    },
}

SLACK_UPTIME_KUMA: Final[dict[str, JsonValue]] = {
    "text": "Uptime Kuma Alert\n[Shop] [🔴 Down] timeout <!channel>",
    "channel": "#ops",
    "username": "Uptime Kuma",
    "icon_emoji": ":bell:",
    "attachments": [
        {
            "color": "#e01e5a",
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "Uptime Kuma Alert"}},
                {
                    "type": "section",
                    "fields": [
                        {"type": "mrkdwn", "text": "*Message*\n[Shop] [🔴 Down] timeout"},
                        {"type": "mrkdwn", "text": "*Time (UTC)*\n2026-11-30 10:00:00"},
                    ],
                },
                {
                    "type": "actions",
                    "elements": [
                        {
                            "type": "button",
                            "text": {"type": "plain_text", "text": "Visit Uptime Kuma"},
                            "value": "Uptime-Kuma",
                            "url": "https://uptime.example/dashboard/3",
                        }
                    ],
                },
            ],
        }
    ],
}

SLACK_HEALTHCHECKS: Final[dict[str, JsonValue]] = {
    "username": "Healthchecks",
    "icon_url": "https://healthchecks.example/logo.png",
    "attachments": [
        {
            "color": "danger",
            "fallback": 'The check "backup" is DOWN.',
            "mrkdwn_in": ["fields"],
            "title": "“backup” is DOWN.",
            "title_link": "https://healthchecks.example/cloaked/abc/",
            "fields": [
                {"title": "Project", "value": "Ops", "short": True},
                {"title": "Tags", "value": "`db` `nightly` ", "short": True},
                {"title": "Last Ping", "value": "Failure, 5 minutes ago", "short": True},
            ],
        }
    ],
}

SLACK_BLOCKS: Final[dict[str, JsonValue]] = {
    "text": "Danny left a review",
    "blocks": [
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "*Danny* left a <https://example.com/r|review>:"},
        },
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "Great &amp; &lt;b&gt;quick&lt;/b&gt; & <@U024BE7LH>"},
            "accessory": {
                "type": "button",
                "text": {"type": "plain_text", "text": "Read"},
                "url": "https://example.com/r",
            },
        },
        {"type": "divider"},
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "text", "text": "Rated ", "style": {"bold": True}},
                        {"type": "emoji", "name": "star"},
                    ],
                },
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [
                        {"type": "rich_text_section", "elements": [{"type": "text", "text": "one"}]},
                        {
                            "type": "rich_text_section",
                            "elements": [{"type": "link", "url": "https://example.com/"}],
                        },
                    ],
                },
            ],
        },
        {"type": "context", "elements": [{"type": "plain_text", "text": "Reviewed today"}]},
    ],
}

SAMPLES: Final[list[tuple[HookFormat, dict[str, str], JsonValue]]] = [
    (HookFormat.ALERTMANAGER, {}, alertmanager()),
    (HookFormat.GRAFANA, {}, GRAFANA),
    (HookFormat.UPTIME_KUMA, {}, UPTIME_KUMA),
    *((HookFormat.GITHUB, {"x-github-event": kind}, body) for kind, body in GITHUB.items()),
    *((HookFormat.GITLAB, {}, body) for body in GITLAB.values()),
    (HookFormat.SLACK, {}, SLACK_UPTIME_KUMA),
    (HookFormat.SLACK, {}, SLACK_HEALTHCHECKS),
    (HookFormat.SLACK, {}, SLACK_BLOCKS),
    (HookFormat.JSON, {}, {"title": "Backup", "status": "down", "key": "backup"}),
]
