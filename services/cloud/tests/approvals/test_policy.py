"""The lines of a policy."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_cloud.domain.policy import LINES_MAX, Policy, PolicyError, Requirement, read_policy
from opsroom_cloud.settings import CloudSettings
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.identity import Role
from opsroom_runtime.errors import SettingsError

PROD = {"env": "prod"}
POLICY = """
# what runs in production
rm,stop label:env=prod need=1 role=operator not=author expires=15m
* label:env=prod,tier=db need=2 role=admin expires=1h  # the databases
create expires=30s
"""


def test_a_command_needs_what_all_matching_lines_together_need() -> None:
    policy = read_policy(POLICY)
    database = PROD | {"tier": "db"}
    quarter, hour = timedelta(minutes=15), timedelta(hours=1)
    assert policy.requirement(Command.STOP, PROD) == Requirement(1, Role.OPERATOR, quarter)
    assert policy.requirement(Command.REMOVE, database) == Requirement(2, Role.ADMIN, quarter)
    assert policy.requirement(Command.START, database) == Requirement(2, Role.ADMIN, hour)
    assert policy.requirement(Command.START, PROD) is None
    assert policy.requirement(Command.STOP, {"env": "test"}) is None
    assert policy.requirement(Command.CREATE, {}) == Requirement(1, Role.OPERATOR, timedelta(seconds=30))


def test_labels_that_take_a_server_out_of_a_line_loosen_the_policy() -> None:
    policy = read_policy(POLICY)
    loosened = policy.loosened(PROD, {"env": "test"})
    assert loosened is not None
    assert loosened.line == 3
    assert policy.loosened(PROD, PROD | {"tier": "db"}) is None
    assert policy.loosened({}, PROD) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("destroy label:env=prod", "line 2, commands: 'destroy' is none of adopt, create, "),
        ("rename label:env=prod", "line 2, commands: 'rename' is none of adopt, create, "),
        ("stop need=0", "line 2, need: must be 1 to 9, not '0'"),
        ("stop need=ten", "line 2, need: must be 1 to 9, not 'ten'"),
        ("stop role=viewer", "line 2, role: must be operator or admin, not 'viewer'"),
        ("stop not=admin", "line 2, not: must be author, not 'admin': an author never approves"),
        ("stop expires=15", "line 2, expires: must be like 30s, 15m, 2h or 1d, not '15'"),
        ("stop expires=8d", "line 2, expires: must be 1s to 7d, not '8d'"),
        ("stop label:env", "line 2, label: must be like env=prod,role=web, not 'env'"),
        ("stop need=1 need=2", "line 2, need: is there twice"),
        ("stop by=admin", "line 2, by: is not known; a condition is label:KEY=VALUE, need="),
        ("stop prod", "line 2, prod: is not known"),
    ],
)
def test_an_error_names_the_line_and_the_field(line: str, message: str) -> None:
    with pytest.raises(PolicyError) as raised:
        read_policy(f"rm\n{line}\n")
    assert str(raised.value).startswith(message)


def test_there_is_a_maximum_of_lines() -> None:
    assert len(read_policy("rm\n" * LINES_MAX).rules) == LINES_MAX
    with pytest.raises(PolicyError, match=f"line {LINES_MAX + 1}, rules: there are more than {LINES_MAX}"):
        read_policy("rm\n" * (LINES_MAX + 1))


@given(st.text(st.sampled_from("rmstop, *label:env=prod need123\n#role=admin expires=5m\x00é")))
def test_any_text_is_a_policy_or_has_an_error_with_a_line(text: str) -> None:
    line = 0
    try:
        policy = read_policy(text)
    except PolicyError as error:
        line = error.line
        policy = Policy()
    assert line <= len(text.splitlines())
    for rule in policy.rules:
        assert rule.commands
        assert 1 <= rule.requirement.need <= 9


_LABELS = st.dictionaries(st.sampled_from(["env", "tier"]), st.sampled_from(["a", "b"]))
_LINES = st.lists(
    st.builds(
        lambda commands, labels, need, role: " ".join(
            [
                ",".join(sorted(commands)),
                *([f"label:{','.join(f'{key}={value}' for key, value in labels.items())}"] if labels else []),
                f"need={need}",
                f"role={role}",
            ]
        ),
        st.sets(st.sampled_from(["rm", "stop", "start"]), min_size=1),
        _LABELS,
        st.integers(1, 9),
        st.sampled_from(["operator", "admin"]),
    ),
    max_size=6,
)


@given(_LINES, st.data(), _LABELS, st.sampled_from([Command.REMOVE, Command.STOP, Command.START]))
def test_neither_the_order_of_lines_nor_another_line_makes_anything_easier(
    lines: list[str], data: st.DataObject, labels: dict[str, str], command: Command
) -> None:
    found = read_policy("\n".join(lines)).requirement(command, labels)
    shuffled = data.draw(st.permutations(lines))
    assert read_policy("\n".join(shuffled)).requirement(command, labels) == found
    fewer = read_policy("\n".join(lines[1:])).requirement(command, labels)
    if fewer is not None:
        assert found is not None
        assert found.need >= fewer.need
        assert found.role.includes(fewer.role)
        assert found.expires <= fewer.expires


def test_a_policy_comes_from_a_setting_and_a_file(tmp_path: object) -> None:
    path = f"{tmp_path}/policy"
    with open(path, "w", encoding="utf-8") as file:
        file.write("\nstop\nrm need=two\n")
    environ = {"CLOUD_APPROVALS": "rm label:env=prod", "CLOUD_APPROVALS_FILE": path}
    with pytest.raises(SettingsError, match=r"policy: line 3, need: must be 1 to 9, not 'two'"):
        CloudSettings.from_environment(environ).policy()
    with open(path, "w", encoding="utf-8") as file:
        file.write("stop\n")
    policy = CloudSettings.from_environment(environ).policy()
    assert [sorted(rule.commands) for rule in policy.rules] == [[Command.REMOVE], [Command.STOP]]
    with pytest.raises(SettingsError, match="CLOUD_APPROVALS_FILE="):
        CloudSettings.from_environment({"CLOUD_APPROVALS_FILE": f"{path}-missing"}).policy()
    with pytest.raises(SettingsError, match="CLOUD_APPROVALS: line 1, commands: 'fly' is none of"):
        CloudSettings.from_environment({"CLOUD_APPROVALS": "fly"}).policy()
