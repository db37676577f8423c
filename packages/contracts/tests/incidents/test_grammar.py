"""The grammar of commands in the chat."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts.cloud.selectors import read_selector
from opsroom_contracts.incidents.commands import (
    SERVERS_MAX,
    ChangeServers,
    CommandName,
    CreateServer,
    Custom,
    Targets,
)
from opsroom_contracts.incidents.grammar import COMMAND_WORD, Text, is_command, parse
from opsroom_contracts.incidents.schedule_arguments import LIFECYCLE
from opsroom_contracts.incidents.table import CHAT_COMMANDS, Values
from opsroom_contracts.incidents.words import Problem, Reason
from packages.contracts.tests.incidents import said

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
LABELS = st.dictionaries(NAMES, st.text("abcXYZ =é", max_size=8).map(str.strip), min_size=1, max_size=4)
BLANKS = st.text(" \t\u00a0\u3000", min_size=1, max_size=3)
ANYTHING = st.one_of(
    st.text(max_size=60),
    st.builds(
        lambda name, rest: f"/{name}{rest}",
        st.sampled_from([*CommandName, "deploy"]),
        st.text('abc01 \u00a0"label:=,at cron as started\U0001f642', max_size=60),
    ),
)


def test_the_shared_cases_are_what_the_grammar_says() -> None:
    stored = json.loads(said.CASES.read_text(encoding="utf-8"))
    assert stored == {"custom": list(said.CUSTOM), "cases": said.rows()}


@given(ANYTHING)
def test_every_text_is_a_command_or_a_text_or_has_a_problem_at_a_place(text: str) -> None:
    result = parse(text, ("deploy",))
    if isinstance(result, Problem):
        assert 0 <= result.position <= len(text)
        assert result.message
        assert is_command(text)
    elif isinstance(result, Text):
        assert not is_command(text)
        assert result.text in {text, text[1:]}
    else:
        assert is_command(text)


@given(st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=40))
def test_every_text_of_one_line_can_be_said_as_text(text: str) -> None:
    escaped = f"/{text}" if text.startswith("/") else text
    assert parse(escaped) == Text(text)


@given(
    st.sampled_from(list(LIFECYCLE.items())),
    st.lists(NAMES, min_size=1, max_size=5, unique=True),
    st.lists(BLANKS, min_size=6, max_size=6),
)
def test_servers_are_read_in_their_order(
    pair: tuple[CommandName, str], names: list[str], gaps: list[str]
) -> None:
    text = f"/{pair[0]}" + "".join(gap + name for gap, name in zip(gaps, names, strict=False)) + gaps[-1]
    assert parse(text) == ChangeServers(LIFECYCLE[pair[0]], Targets(tuple(names)))


@given(LABELS)
def test_labels_are_a_selector_of_the_cloud_service(labels: dict[str, str]) -> None:
    words = " ".join(f'label:"{key}={value}"' for key, value in labels.items())
    result = parse(f"/stop {words}")
    assert isinstance(result, ChangeServers)
    assert read_selector(result.targets.selector or "") == labels


@given(LABELS, NAMES, NAMES, st.permutations(["as", "label", "started"]))
def test_a_new_server_is_described_in_any_order(
    labels: dict[str, str], template: str, name: str, order: list[str]
) -> None:
    pieces = {
        "as": f"as {name}",
        "label": " ".join(f'label:{key}="{value}"' for key, value in labels.items()),
        "started": "started",
    }
    text = " ".join(["/create", f"local/{template}", *(pieces[one] for one in order)])
    assert parse(text) == CreateServer(f"local/{template}", name, tuple(labels.items()), start=True)


def test_the_number_of_servers_is_limited() -> None:
    names = [f"s{number}" for number in range(SERVERS_MAX + 1)]
    assert isinstance(parse("/start " + " ".join(names[:-1])), ChangeServers)
    result = parse("/start " + " ".join(names))
    assert isinstance(result, Problem)
    assert (result.reason, result.field) == (Reason.LIMIT, "servers")
    assert result.position == len("/start " + " ".join(names[:-1])) + 1


def test_a_command_of_a_bot_gets_the_rest_of_the_line_as_it_is() -> None:
    assert parse('/Deploy  web "v1" ', ("deploy",)) == Custom("deploy", 'web "v1"')
    assert isinstance(parse("/deploy web"), Problem)


@pytest.mark.parametrize("name", list(CommandName))
def test_the_example_of_a_command_is_one(name: CommandName) -> None:
    spec = CHAT_COMMANDS[name]
    assert spec.example.startswith(f"/{name}")
    result = parse(spec.example)
    assert not isinstance(result, Problem)
    assert all(one.label or one.values is Values.FLAG for one in spec.parameters)
    assert spec.help.endswith(".")


def test_the_names_are_words_of_commands() -> None:
    assert all(re.fullmatch(COMMAND_WORD, name) for name in CommandName)
