"""``/schedule`` with the real services."""

import re
from datetime import UTC, datetime, timedelta

from opsroom_contracts import endpoints
from opsroom_contracts.cloud.commands import InstanceState
from opsroom_contracts.cloud.schedules import Schedule, SchedulesRequest
from opsroom_messaging.client.connection import NatsConnection
from services.incidents.tests.harness import Room, service, until_state


async def schedules(room: Room) -> dict[str, Schedule]:
    """Return the schedules that run again, by their names."""
    reply = await room.chat.requester.request(endpoints.SCHEDULES, SchedulesRequest())
    return {one.name: one for one in reply.schedules if one.next_at is not None}


async def test_schedules_are_made_listed_and_removed(room: Room, broker: NatsConnection) -> None:
    async with service(broker):
        assert await room.ask("/schedule list") == "There are no schedules."
        said = await room.ask("/schedule stop label:env=test every weekday at 19:05 Europe/Berlin as nightly")
        assert said.startswith(
            "Scheduled as `nightly`: stop label:env=test cron 5 19 * * mon-fri Europe/Berlin; next "
        )
        assert said.endswith("\nTo remove it: /schedule remove nightly")
        made = (await schedules(room))["nightly"]
        assert (made.selector, made.cron, made.actor) == ("env=test", "5 19 * * mon-fri", "Ann")
        assert (await room.ask("/schedule list")).startswith("- `nightly` stop label:env=test cron ")
        assert "there is a schedule 'nightly'" in await room.ask(
            "/schedule stop web-1 at 2026-12-24T19:00 as nightly"
        )
        assert await room.ask("/schedule remove nightly") == "Removed the schedule `nightly`."
        assert await schedules(room) == {}
        assert "there is no schedule 'none'" in await room.ask("/schedule remove none")


async def test_a_time_that_cannot_be_is_refused(room: Room, broker: NatsConnection) -> None:
    async with service(broker):
        for text, why in (
            ("at 2020-01-01T19:00", "at: must be from now to 366 days ahead"),
            ("at 2026-02-30T19:00", "2026-02-30T19:00 is not a time"),
            ("at 19:00 Mars/Olympus", "there is no time zone Mars/Olympus"),
            ("at 19:00+02:00 Europe/Berlin", "a time with an offset has no other zone"),
            ("cron 61 * * * *", "cron: "),
        ):
            assert why in await room.ask(f"/schedule stop web-1 {text}")
        assert await schedules(room) == {}


async def test_a_schedule_runs_once_although_its_command_is_done_again(
    room: Room, broker: NatsConnection
) -> None:
    async with service(broker):
        await room.ask("/create as web-1")
        await until_state(room, "web-1", InstanceState.STOPPED)
        at = datetime.now(UTC) + timedelta(seconds=3)
        said = await room.ask(f"/schedule start web-1 at {at:%Y-%m-%dT%H:%M:%SZ}")
        found = re.match(r"Scheduled as `(start-[0-9a-f]{8})`", said)
        assert found is not None
        await until_state(room, "web-1", InstanceState.RUNNING)
    kept = [one.event for one in await room.cloud.kept()]
    assert {one.actor for one in kept if one.command is not None and one.command.value == "start"} == {
        f"schedule {found[1]}"
    }
