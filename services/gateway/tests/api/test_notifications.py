"""Notification settings over HTTP, the same on all devices of a person, and push subscriptions."""

from typing import Any

import httpx
import pytest

from services.gateway.tests.kit.api_clients import Person, person
from services.gateway.tests.kit.portal import Portal
from services.gateway.tests.kit.rooms import RoomUser

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/notifications"
KEY = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SUBSCRIPTION = {
    "endpoint": "https://push.example.org/send/1",
    "keys": {"p256dh": KEY, "auth": "BTBZMqHH6r4Tts7J_aSIgg"},
}
ASKING = {"notifications": True}
"""More fields of the hello."""
USUAL = {"level": "mentions", "rooms": {}}


async def change(portal: Portal, who: Person, **body: Any) -> httpx.Response:
    return await RoomUser.of(portal.gateway, who).request("PATCH", PATH, json=body)


async def test_settings_are_the_same_on_all_devices(portal: Portal) -> None:
    async with person(portal.gateway, position=ASKING) as laptop:
        assert (await laptop.receive("notifications"))["settings"] == USUAL
        async with person(portal.gateway, laptop.token, position=ASKING) as phone:
            assert (await phone.receive("notifications"))["settings"] == USUAL
            quiet = {"begin": "22:00", "end": "07:00", "zone": "Europe/Berlin"}
            response = await change(portal, laptop, rooms={"general": "all"}, quiet=quiet)
            expected = {**USUAL, "rooms": {"general": "all"}, "quiet": quiet}
            assert response.json() == expected
            for device in (laptop, phone):
                assert (await device.receive("notifications"))["settings"] == expected
        reply = await RoomUser.of(portal.gateway, laptop).request("GET", PATH)
        assert reply.json()["settings"] == expected
        assert len(reply.json()["push"]["publicKey"]) == 87
        await change(portal, laptop, rooms={"general": "usual"}, quietOff=True, level="nothing")
        assert (await laptop.receive("notifications"))["settings"] == {"level": "nothing", "rooms": {}}


async def test_a_client_that_does_not_ask_gets_no_frame(portal: Portal) -> None:
    async with person(portal.gateway) as ann:
        await change(portal, ann, level="all")
        await ann.send({"type": "send", "clientId": "1", "room": "general", "text": "hello"})
        frame = await ann.receive("notifications", "message")
        assert frame["type"] == "message"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"level": "loud"}, "invalid_request", "level"),
        ({"rooms": {"r-unknown": "all"}}, "room_unknown", "rooms"),
        ({"quiet": {"begin": "25:00", "end": "07:00", "zone": "UTC"}}, "invalid_request", "quiet.begin"),
        (
            {"quiet": {"begin": "22:00", "end": "07:00", "zone": "Mars/Base"}},
            "invalid_request",
            "quiet.zone",
        ),
        ({"other": 1}, "invalid_request", "other"),
    ],
)
async def test_invalid_settings_name_the_field(
    portal: Portal, body: dict[str, Any], code: str, field: str
) -> None:
    async with person(portal.gateway) as ann:
        problem = (await change(portal, ann, **body)).json()
        assert (problem["code"], problem["field"]) == (code, field)


async def test_a_device_subscribes_and_unsubscribes(portal: Portal) -> None:
    async with person(portal.gateway) as ann:
        user = RoomUser.of(portal.gateway, ann)
        for _ in range(2):
            made = await user.request("PUT", f"{PATH}/push", json=SUBSCRIPTION)
            assert {key: made.json()[key] for key in ("devices", "here")} == {"devices": 1, "here": True}
        for _ in range(2):
            ended = await user.request("DELETE", f"{PATH}/push")
            assert {key: ended.json()[key] for key in ("devices", "here")} == {"devices": 0, "here": False}


@pytest.mark.parametrize("endpoint", ["http://push.example.org/1", "https://127.0.0.1/1", "https://nas/1"])
async def test_private_endpoints_are_refused(portal: Portal, endpoint: str) -> None:
    async with person(portal.gateway) as ann:
        user = RoomUser.of(portal.gateway, ann)
        response = await user.request("PUT", f"{PATH}/push", json={**SUBSCRIPTION, "endpoint": endpoint})
        assert (response.status_code, response.json()["field"]) == (422, "endpoint")


async def test_it_takes_a_registered_user(portal: Portal) -> None:
    async with portal.gateway.requests() as client:
        for method, path in (("GET", PATH), ("DELETE", f"{PATH}/push")):
            response = await client.request(method, f"/api/v1/chat{path}")
            assert response.status_code in {401, 403}
