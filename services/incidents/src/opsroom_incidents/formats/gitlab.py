"""GitLab's webhooks: https://docs.gitlab.com/user/project/integrations/webhook_events/ describes them.

The gateway checks ``X-Gitlab-Token``. Pipelines and deployments are one card each.
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
    obj,
    objects,
    parse_object,
    text,
    text_at,
)

_SHOWN_COMMITS: Final = 10
_STATUSES: Final = {
    **dict.fromkeys(
        ("created", "waiting_for_resource", "preparing", "pending", "running"), CardStatus.RUNNING
    ),
    "success": CardStatus.SUCCEEDED,
    "failed": CardStatus.FAILED,
}
_QUIET: Final = frozenset({"build", "note", "emoji", "wiki_page", "feature_flag"})


def gitlab(received: Received) -> tuple[Draft, ...]:
    """Return the report of an event; none if it is of no interest.

    Raises:
        FormatError: the body is not JSON, or has no ``object_kind``.
    """
    event = parse_object(received.body)
    kind = text(event.get("object_kind")) or text(event.get("event_name"))
    if not kind:
        raise FormatError("object_kind", "is missing: is this a webhook of GitLab?")
    if kind in _QUIET:
        return ()
    return tuple(_EVENTS.get(kind, _other(kind))(event))


def _project(event: JsonObject) -> str:
    return text_at(event, "project", "path_with_namespace") or text_at(event, "project", "name") or "GitLab"


def _user(event: JsonObject) -> str:
    return text(event.get("user_name")) or text_at(event, "user", "name") or "somebody"


def _draft(event: JsonObject, status: CardStatus, words: str, key: str | None = None) -> Draft:
    return Draft(
        CardKind.DEPLOY,
        status,
        f"{_project(event)}: {words}",
        key=None if key is None else f"{_project(event)}/{key}",
        source="gitlab",
        link=text_at(event, "project", "web_url"),
        severity=Severity.WARNING if status is CardStatus.FAILED else None,
    )


def _push(event: JsonObject) -> list[Draft]:
    commits = objects(event.get("commits"))
    ref = text(event.get("ref")).removeprefix("refs/heads/").removeprefix("refs/tags/")
    total = text(event.get("total_commits_count")) or str(len(commits))
    is_gone = not text(event.get("after")).strip("0")
    what = f"{ref} was deleted" if is_gone else f"{total} commit{'' if total == '1' else 's'} to {ref}"
    shown = [
        f"- `{text(one.get('id'))[:8]}` {text(one.get('title')) or text(one.get('message'))[:200]}"
        f" ({text_at(one, 'author', 'name')})"
        for one in commits[:_SHOWN_COMMITS]
    ]
    return [replace(_draft(event, CardStatus.INFO, f"{what} by {_user(event)}"), text="\n".join(shown))]


def _pipeline(event: JsonObject) -> list[Draft]:
    run = obj(event.get("object_attributes"))
    state = text(run.get("status"))
    fields = (
        ("Ref", text(run.get("ref"))),
        ("Commit", text(run.get("sha"))[:8]),
        ("Source", text(run.get("source"))),
        ("By", _user(event)),
    )
    said = text_at(event, "commit", "title") or text_at(event, "commit", "message")[:200]
    words = f"pipeline {text(run.get('iid')) or text(run.get('id'))} {state.replace('_', ' ')}"
    draft = _draft(event, _STATUSES.get(state, CardStatus.INFO), words, f"pipeline/{text(run.get('id'))}")
    return [replace(draft, text=said, fields=fields, link=text(run.get("url")) or draft.link)]


def _deployment(event: JsonObject) -> list[Draft]:
    state = text(event.get("status"))
    fields = (
        ("Ref", text(event.get("ref"))),
        ("Commit", text(event.get("short_sha"))),
        ("By", text_at(event, "user", "name")),
    )
    words = f"deployment to {text(event.get('environment')) or 'an environment'} {state}"
    link = text(event.get("deployable_url")) or text(event.get("environment_external_url"))
    key = f"deployment/{text(event.get('deployment_id'))}"
    draft = _draft(event, _STATUSES.get(state, CardStatus.INFO), words, key)
    return [replace(draft, text=text(event.get("commit_title")), fields=fields, link=link or draft.link)]


def _numbered(words: str, mark: str) -> Callable[[JsonObject], list[Draft]]:
    """Return a reader of issues or merge requests: one card each, which shows the last event."""

    def read(event: JsonObject) -> list[Draft]:
        one = obj(event.get("object_attributes"))
        action = text(one.get("action"))
        done = {"open": "opened", "close": "closed", "reopen": "reopened", "merge": "merged"}.get(action)
        if done is None:
            return []
        number = text(one.get("iid"))
        title = f"{mark}{number} {done} by {_user(event)}: {text(one.get('title'))}"
        draft = _draft(event, CardStatus.INFO, title, f"{words}/{number}")
        return [replace(draft, link=text(one.get("url")) or draft.link)]

    return read


def _release(event: JsonObject) -> list[Draft]:
    if text(event.get("action")) not in {"", "create"}:
        return []
    name = text(event.get("name")) or text(event.get("tag"))
    draft = _draft(event, CardStatus.INFO, f"release {name}", f"release/{text(event.get('id'))}")
    return [
        replace(draft, text=text(event.get("description"))[:2000], link=text(event.get("url")) or draft.link)
    ]


def _other(kind: str) -> Callable[[JsonObject], list[Draft]]:
    def read(event: JsonObject) -> list[Draft]:
        words = f"{kind.replace('_', ' ')} by {_user(event)}"
        return [_draft(event, CardStatus.INFO, words)]

    return read


_EVENTS: Final[dict[str, Callable[[JsonObject], list[Draft]]]] = {
    "push": _push,
    "tag_push": _push,
    "pipeline": _pipeline,
    "deployment": _deployment,
    "issue": _numbered("issue", "#"),
    "merge_request": _numbered("merge_request", "!"),
    "release": _release,
}
