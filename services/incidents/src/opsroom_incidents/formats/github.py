"""GitHub's webhooks: https://docs.github.com/en/webhooks/webhook-events-and-payloads describes them.

The gateway checks ``X-Hub-Signature-256``. What has a course, such as a run of a workflow, is one card.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from opsroom_contracts.incidents.cards import CardKind, CardStatus, Severity
from opsroom_incidents.formats.draft import Draft
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

_SHOWN_COMMITS: Final = 10
_RUNNING: Final = frozenset({"queued", "requested", "waiting", "pending", "in_progress"})
_FAILED: Final = frozenset({"failure", "timed_out", "startup_failure", "error"})
_QUIET: Final = frozenset(
    {"check_run", "check_suite", "status", "workflow_job", "star", "watch", "label", "member", "deployment"}
)
"""Events that say nothing which another event does not say better. They are accepted, and shown nowhere."""


def github(received: Received) -> tuple[Draft, ...]:
    """Return the report of an event; none if it is of no interest.

    Raises:
        FormatError: there is no ``X-GitHub-Event``, or the body is not JSON.
    """
    kind = received.header("x-github-event")
    if not kind:
        raise FormatError("X-GitHub-Event", "the header is missing: is this a webhook of GitHub?")
    if received.header("content-type").startswith("application/x-www-form-urlencoded"):
        raise FormatError("Content-Type", "set the content type of the webhook to application/json")
    event = parse_object(received.body)
    if kind in _QUIET:
        return ()
    return tuple(replace(draft, source="github") for draft in _EVENTS.get(kind, _other(kind))(event))


def _repository(event: JsonObject) -> str:
    return text_at(event, "repository", "full_name") or text_at(event, "organization", "login") or "GitHub"


def _sender(event: JsonObject) -> str:
    return text_at(event, "sender", "login") or text_at(event, "pusher", "name") or "somebody"


def _ping(event: JsonObject) -> list[Draft]:
    title = f"GitHub is connected: {_repository(event)}"
    return [Draft(CardKind.DEPLOY, CardStatus.INFO, title, text=text(event.get("zen")))]


def _push(event: JsonObject) -> list[Draft]:
    commits = objects(event.get("commits"))
    ref = text(event.get("ref")).removeprefix("refs/heads/").removeprefix("refs/tags/")
    if event.get("deleted") is True:
        what = f"{ref} was deleted"
    elif not commits:
        what = f"{ref} now is {text(event.get('after'))[:8]}"
    else:
        what = f"{len(commits)} commit{'s' if len(commits) > 1 else ''} to {ref}"
    shown = [
        f"- `{text(one.get('id'))[:8]}` {text(one.get('message')).partition(chr(10))[0][:200]}"
        f" ({text_at(one, 'author', 'username') or text_at(one, 'author', 'name')})"
        for one in commits[:_SHOWN_COMMITS]
    ]
    if len(commits) > _SHOWN_COMMITS:
        shown.append(f"- and {len(commits) - _SHOWN_COMMITS} more")
    return [
        Draft(
            CardKind.DEPLOY,
            CardStatus.INFO,
            f"{_repository(event)}: {what} by {_sender(event)}",
            text="\n".join(shown),
            link=text(event.get("compare")),
        )
    ]


def _workflow_run(event: JsonObject) -> list[Draft]:
    run = obj(event.get("workflow_run"))
    conclusion = text(run.get("conclusion"))
    status = _status(conclusion or text(run.get("status")) or text(event.get("action")))
    words = conclusion or text(run.get("status")) or "started"
    return [
        Draft(
            CardKind.DEPLOY,
            status,
            f"{_repository(event)}: {text(run.get('name')) or 'workflow'} {words.replace('_', ' ')}",
            key=f"{_repository(event)}/run/{text(run.get('id'))}",
            fields=(
                ("Branch", text(run.get("head_branch"))),
                ("Commit", text(run.get("head_sha"))[:8]),
                ("Event", text(run.get("event"))),
                ("Attempt", text(run.get("run_attempt"))),
                ("By", text_at(run, "actor", "login") or _sender(event)),
            ),
            text=text(run.get("display_title")),
            link=text(run.get("html_url")),
            severity=Severity.WARNING if status is CardStatus.FAILED else None,
            starts_at=moment(run.get("run_started_at")),
        )
    ]


def _status(state: str) -> CardStatus:
    if state in _RUNNING:
        return CardStatus.RUNNING
    if state in _FAILED:
        return CardStatus.FAILED
    return CardStatus.SUCCEEDED if state == "success" else CardStatus.INFO


def _deployment_status(event: JsonObject) -> list[Draft]:
    deployment, found = obj(event.get("deployment")), obj(event.get("deployment_status"))
    state = text(found.get("state"))
    environment = text(found.get("environment")) or text(deployment.get("environment")) or "an environment"
    return [
        Draft(
            CardKind.DEPLOY,
            _status(state),
            f"{_repository(event)}: deployment to {environment} {state.replace('_', ' ')}",
            key=f"{_repository(event)}/deployment/{text(deployment.get('id'))}",
            text=text(found.get("description")),
            fields=(
                ("Ref", text(deployment.get("ref"))),
                ("Commit", text(deployment.get("sha"))[:8]),
                ("By", text_at(deployment, "creator", "login")),
            ),
            link=text(found.get("target_url")) or text(found.get("log_url")) or text(deployment.get("url")),
            severity=Severity.WARNING if state in _FAILED else None,
            starts_at=moment(deployment.get("created_at")),
        )
    ]


def _numbered(name: str, words: str) -> Callable[[JsonObject], list[Draft]]:
    """Return a reader of issues or pull requests: one card each, which shows the last event."""

    def read(event: JsonObject) -> list[Draft]:
        one, action = obj(event.get(name)), text(event.get("action"))
        if action not in {"opened", "closed", "reopened", "ready_for_review"}:
            return []
        done = "merged" if one.get("merged") is True else action.replace("_", " ")
        number = text(one.get("number"))
        return [
            Draft(
                CardKind.DEPLOY,
                CardStatus.INFO,
                f"{_repository(event)}#{number} {done} by {_sender(event)}: {text(one.get('title'))}",
                key=f"{_repository(event)}/{words}/{number}",
                text=text(one.get("body"))[:1000] if action == "opened" else "",
                link=text(one.get("html_url")),
            )
        ]

    return read


def _release(event: JsonObject) -> list[Draft]:
    release = obj(event.get("release"))
    if text(event.get("action")) != "published":
        return []
    name = text(release.get("name")) or text(release.get("tag_name"))
    return [
        Draft(
            CardKind.DEPLOY,
            CardStatus.INFO,
            f"{_repository(event)}: release {name}",
            key=f"{_repository(event)}/release/{text(release.get('id'))}",
            text=text(release.get("body"))[:2000],
            link=text(release.get("html_url")),
        )
    ]


def _alert(event: JsonObject) -> list[Draft]:
    """Return the report of an alert of Dependabot, of code scanning, or of secret scanning."""
    alert, action = obj(event.get("alert")), text(event.get("action"))
    ended = action in {"fixed", "dismissed", "resolved", "closed_by_user", "auto_dismissed"}
    summary = (
        text_at(alert, "security_advisory", "summary")
        or text_at(alert, "rule", "description")
        or text(alert.get("secret_type_display_name"))
        or "security alert"
    )
    return [
        Draft(
            CardKind.ALERT,
            CardStatus.RESOLVED if ended else CardStatus.FIRING,
            f"{_repository(event)}: {summary}",
            key=f"{_repository(event)}/alert/{text(alert.get('html_url')) or text(alert.get('number'))}",
            fields=(("Action", action.replace("_", " ")),),
            link=text(alert.get("html_url")),
            severity=Severity.WARNING,
            starts_at=moment(alert.get("created_at")),
        )
    ]


def _other(kind: str) -> Callable[[JsonObject], list[Draft]]:
    def read(event: JsonObject) -> list[Draft]:
        action = text(event.get("action")).replace("_", " ")
        words = " ".join(one for one in (kind.replace("_", " "), action) if one)
        title = f"{_repository(event)}: {words} by {_sender(event)}"
        link = text_at(event, "repository", "html_url")
        return [Draft(CardKind.DEPLOY, CardStatus.INFO, title, link=link)]

    return read


_EVENTS: Final[dict[str, Callable[[JsonObject], list[Draft]]]] = {
    "ping": _ping,
    "push": _push,
    "workflow_run": _workflow_run,
    "deployment_status": _deployment_status,
    "issues": _numbered("issue", "issue"),
    "pull_request": _numbered("pull_request", "pull"),
    "release": _release,
    "dependabot_alert": _alert,
    "code_scanning_alert": _alert,
    "secret_scanning_alert": _alert,
}
