"""What happens to containers outside the portal is stored as an event within two seconds."""

import pytest

from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.subjects import instance_events
from opsroom_testkit.waiting import until_answer
from tests.agents.docker_rig import TEMPLATE, Rig

KNOWN_SECONDS = 2.0
"""What the documents promise; so this test has the machine for itself."""

pytestmark = pytest.mark.alone


async def test_a_container_that_is_killed_or_removed_is_known_within_two_seconds(rig: Rig) -> None:
    async with rig.portal.service(), rig.portal.agent():
        for method, path, wanted in (
            ("POST", "/kill", EventType.OBSERVED),
            ("DELETE", "?force=1", EventType.LOST),
        ):
            instance_id = await rig.portal.cloud.created(template=TEMPLATE, start=True)
            await rig.docker.act(method, f"opsroom-{instance_id}{path}")
            subject = instance_events(instance_id)
            kept = await until_answer(
                lambda: rig.portal.cloud.kept(subject),  # noqa: B023 - at once
                lambda kept: kept[-1].event.type is wanted,  # noqa: B023 - at once
                KNOWN_SECONDS,
            )
            assert [one.event.type for one in kept].count(wanted) == 1


async def test_a_server_that_is_stopped_and_started_outside_is_shown_so(rig: Rig) -> None:
    async with rig.portal.service(), rig.portal.agent():
        instance_id = await rig.portal.cloud.created(template=TEMPLATE, start=True)
        for verb, state in (("stop", "stopped"), ("start", "running"), ("restart", "running")):
            await rig.docker.act("POST", f"opsroom-{instance_id}/{verb}")
            await until_answer(
                lambda: rig.portal.cloud.instance(instance_id),
                lambda now: now is not None and now.state.value == state,  # noqa: B023 - at once
                KNOWN_SECONDS,
            )
