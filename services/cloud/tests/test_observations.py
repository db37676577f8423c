"""What an observation changes of what is known about a server."""

from datetime import UTC, datetime

import pytest

from opsroom_cloud.domain.observations import observe
from opsroom_contracts.agents.protocol import Observation
from opsroom_contracts.cloud.commands import InstanceState
from opsroom_contracts.cloud.instances import Condition, FailureCode
from opsroom_contracts.cloud.models import Instance

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STOPPED, RUNNING = InstanceState.STOPPED, InstanceState.RUNNING


def instance(code: FailureCode | None = None) -> Instance:
    """A stopped server that is failed: by a command with ``code``, or because it has ended with an error."""
    return Instance(
        id="i-1",
        name="web-1",
        state=STOPPED,
        timestamp=NOW,
        condition=Condition.FAILED,
        reason="exit code 1" if code is None else "no capacity",
        reason_code=code,
    )


@pytest.mark.parametrize(
    "seen",
    [
        Observation(id="i-1", state=STOPPED),
        Observation(id="i-1", state=STOPPED, condition=Condition.FAILED, reason="exit code 1"),
    ],
)
def test_the_reason_of_a_failed_command_stays_while_the_server_is_as_before(seen: Observation) -> None:
    assert observe(instance(FailureCode.NO_CAPACITY), seen, NOW) is None


@pytest.mark.parametrize(
    ("known", "seen"),
    [
        (FailureCode.NO_CAPACITY, Observation(id="i-1", state=RUNNING)),
        (None, Observation(id="i-1", state=STOPPED, condition=Condition.FAILED, reason="exit code 2")),
        (None, Observation(id="i-1", state=STOPPED)),
    ],
)
def test_another_state_or_reason_replaces_it(known: FailureCode | None, seen: Observation) -> None:
    event = observe(instance(known), seen, NOW)
    assert event is not None
    assert (event.state, event.condition or Condition.OK) == (seen.state, seen.condition)
    assert (event.condition_reason, event.reason_code) == (seen.reason, None)
