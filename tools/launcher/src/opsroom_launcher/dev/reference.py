"""Generate the reference pages from the code: ``python -m opsroom_launcher.dev.reference``."""

import json
from collections.abc import Iterator
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo

from opsroom_agent.settings import AgentSettings
from opsroom_chat.settings import ChatSettings
from opsroom_cloud.settings import CloudSettings
from opsroom_contracts.chat.frames import ClientFrame, ServerFrame
from opsroom_contracts.close_codes import Close
from opsroom_contracts.documents.asyncapi import PUBLISHED, asyncapi
from opsroom_contracts.endpoints import ENDPOINTS
from opsroom_contracts.incidents.table import CHAT_COMMANDS
from opsroom_gateway.app import describe
from opsroom_gateway.process_settings import ProcessSettings
from opsroom_incidents.settings import IncidentsSettings
from opsroom_launcher.dev.texts import api_texts, command_line_texts
from opsroom_launcher.services import TogetherSettings
from opsroom_messaging.settings import BrokerSettings
from opsroom_runtime.settings import Settings

FOLDER = Path("docs", "reference")
_ROOT = Path(__file__).parents[5]
_MADE = "<!-- Made from the code by `./opsroom docs`. -->\n"


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    document = asyncapi(version("opsroom-contracts"))
    return {
        "asyncapi.json": json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n",
        "http.md": _page("HTTP API", _http(describe())),
        "commands.md": _page("Commands of the chat", _commands()),
        "messages.md": _page("WebSocket, event stream and NATS", _messages(document)),
        "texts-cli.md": _page("Texts of the command line and of the API's errors", _texts(_ROOT)),
        "settings.md": _page("Settings: types, limits and defaults", _settings()),
    }


def write(root: Path) -> None:
    """Write the pages into the repository at ``root``."""
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def _page(title: str, lines: Iterator[str]) -> str:
    return "\n".join([f"# {title}", "", _MADE, *lines]).rstrip("\n") + "\n"


def _http(document: dict[str, Any]) -> Iterator[str]:
    yield "The same as OpenAPI: `/openapi.json` of a running gateway. Errors are problem"
    yield "details (RFC 9457) with a stable `code`."
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            yield f"\n## `{method.upper()} {path}`\n"
            yield f"**{about.get('summary', '')}.** {_cell(about.get('description', ''))}\n"
            for parameter in about.get("parameters", []):
                text = _cell(parameter.get("description", ""))
                yield f"- `{parameter['name']}` ({parameter['in']}) {text}".rstrip()
            answers = ", ".join(f"{status}" for status in about["responses"])
            yield f"\nAnswers: {answers}."


def _messages(document: dict[str, Any]) -> Iterator[str]:
    yield "The whole of it with every field: [AsyncAPI 3](asyncapi.json). JSON everywhere; a field that is"
    yield "not declared is refused.\n"
    yield "## WebSocket `/api/v1/chat/ws`\n\n| frame | of | |\n|---|---|---|"
    for union, side in ((ClientFrame, "client"), (ServerFrame, "server")):
        for model in get_args(get_args(union)[0]):
            kind = model.model_fields["type"].default
            yield f"| `{kind}` | {side} | {_first(model)} |"
    yield "\n### Close codes\n\n| code | reason | come back |\n|---|---|---|"
    for close in Close:
        yield f"| {close.value.code} | {close.value.reason} | {close.value.retry.value} |"
    yield "\n## Event stream `/api/v1/cloud/events`\n\n| event | |\n|---|---|"
    for name, event in (("CloudEvent", "change"), ("ResetEvent", "reset")):
        yield f"| `{event}` | {document['components']['messages'][name]['summary']} |"
    yield "\n## NATS: requests\n\n| subject | request | answer |\n|---|---|---|"
    for endpoint in ENDPOINTS:
        yield f"| `{endpoint.subject}` | `{endpoint.request.__name__}` | `{endpoint.reply.__name__}` |"
    yield "\n## NATS: what is published\n\n| subject | payload | |\n|---|---|---|"
    for subject, models in PUBLISHED.items():
        for model in models:
            yield f"| `{subject}` | `{model.__name__}` | {_first(model)} |"


def _commands() -> Iterator[str]:
    yield "How they are said: [commands in the chat](../commands.md).\n"
    yield "| command | permission | | example |\n|---|---|---|---|"
    for spec in CHAT_COMMANDS.values():
        cells = (f"`{spec.usage}`", f"`{spec.permission.value}`", spec.help, f"`{spec.example}`")
        yield f"| {' | '.join(map(_cell, cells))} |"


def _settings() -> Iterator[str]:
    yield "What each means: [settings](../settings.md)."
    shared = set(BrokerSettings.model_fields)
    parts: tuple[tuple[str, type[Settings], set[str]], ...] = (
        ("All services", BrokerSettings, set()),
        ("Gateway", ProcessSettings, shared),
        ("Chat", ChatSettings, shared),
        ("Cloud", CloudSettings, shared),
        ("Incidents", IncidentsSettings, shared),
        ("Chat, cloud and incidents in one process", TogetherSettings, set()),
        ("Agent", AgentSettings, shared),
    )
    for title, settings, known in parts:
        yield f"\n## {title}\n\n| variable | type | limits | default |\n|---|---|---|---|"
        for name, field in settings.model_fields.items():
            if name not in known:
                cells = (f"`{settings.variable(name)}`", _type(field), _limits(field), _default(field))
                yield f"| {' | '.join(cells)} |"


def _texts(root: Path) -> Iterator[str]:
    yield "To be read line by line. Both are in English only. The texts of the page: [in both"
    yield "languages](texts-page.md)."
    for title, texts in (("Command line", command_line_texts(root)), ("Errors of the API", api_texts(root))):
        yield f"\n## {title}"
        last = ""
        for file, text in texts:
            if file != last:
                last = file
                yield f"\n`{file}`\n"
            yield f"- {_cell(text)}"


_TYPES = {
    "tuple": "list",
    "frozenset": "list",
    "Path": "path",
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "yes or no",
}


def _type(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if get_origin(kind) in {Union, UnionType}:  # one of them is None
        kind = next(option for option in get_args(kind) if option is not type(None))
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    kind = get_origin(kind) or kind
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(f"`{one.value}`" for one in kind)
    name: str = kind.__name__
    return _TYPES.get(name, name)


def _limits(field: FieldInfo) -> str:
    limits = []
    for one in field.metadata:
        match one:
            case Ge(ge=bound):
                limits.append(f"≥ {bound}")
            case Gt(gt=bound):
                limits.append(f"> {bound}")
            case Le(le=bound):
                limits.append(f"≤ {bound}")
            case Lt(lt=bound):
                limits.append(f"< {bound}")
            case MinLen(min_length=bound) | MaxLen(max_length=bound):
                limits.append(f"length {bound}")
            case _:
                pass
    return ", ".join(limits)


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, tuple | frozenset | set):
        value = ",".join(sorted(map(str, value)))
    return "" if value in {None, ""} else f"`{value}`"


def _first(model: Any) -> str:
    return _cell((model.__doc__ or "").split("\n")[0])


def _cell(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


if __name__ == "__main__":
    write(Path.cwd())
