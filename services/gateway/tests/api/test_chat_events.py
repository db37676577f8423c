"""Every stored event of the chat: live, on resume and in the history, at two gateways.

Clients of the course contract get new messages only.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, get_args

import httpx
import pytest

from opsroom_contracts.chat.events import (
    ChatEvent,
    MessageEdited,
    MessageEvent,
    MessageRemoved,
    PinChanged,
    ReactionChanged,
)
from services.gateway.tests.kit.api_clients import Frame, Person, person
from services.gateway.tests.kit.behind_proxy import CHAT, unique_name
from services.gateway.tests.kit.course_clients import as_list, course_client
from services.gateway.tests.kit.portal import Portal, gateway_settings, serving
from services.gateway.tests.kit.token_mode import MESSAGES

pytestmark = pytest.mark.asyncio(loop_scope="module")

Change = Callable[[Person, httpx.AsyncClient, Frame], Awaitable[list[str]]]
"""Changes an acknowledged message of a person. Returns the text that is left, if any."""


async def leave_it(author: Person, http: httpx.AsyncClient, message: Frame) -> list[str]:
    return [message["text"]]


async def remove(author: Person, http: httpx.AsyncClient, message: Frame) -> list[str]:
    response = await http.delete(f"{CHAT}/rooms/general/messages/{message['id']}")
    assert response.status_code == 204, response.text
    return []


async def edit(author: Person, http: httpx.AsyncClient, message: Frame) -> list[str]:
    text = unique_name("other text")
    await author.request("edit", id=message["id"], text=text)
    return [text]


async def react(author: Person, http: httpx.AsyncClient, message: Frame) -> list[str]:
    await author.request("react", id=message["id"], emoji="👍", on=True)
    return [message["text"]]


async def pin(author: Person, http: httpx.AsyncClient, message: Frame) -> list[str]:
    await author.request("pin", id=message["id"], on=True)
    return [message["text"]]


CHANGES: dict[type[ChatEvent], Change] = {
    MessageEvent: leave_it,
    MessageEdited: edit,
    MessageRemoved: remove,
    ReactionChanged: react,
    PinChanged: pin,
}
"""What causes each event."""


@pytest.mark.parametrize("event", get_args(ChatEvent), ids=lambda event: event.__name__)
async def test_an_event_is_delivered_live_on_resume_and_in_the_history(portal: Portal, event: Any) -> None:
    kind, old = event.model_fields["type"].default, unique_name("text")
    with_buffer = gateway_settings(open_moderation=True)
    without = gateway_settings(ring_messages=1)
    async with (
        serving(portal.url, with_buffer) as first,
        serving(portal.url, without) as second,
        first.requests() as http,
        person(first) as author,
        person(first) as first_reader,
        person(second) as second_reader,
        course_client(first, "course") as course,
    ):
        before = author.welcome["seq"]
        message = await author.say(old) | {"text": old}
        left = await CHANGES[event](author, http, message)
        after = await author.say("and goes on")
        live = [await until(reader, after["seq"]) for reader in (first_reader, second_reader)]
        assert live[0] == live[1]
        change = next(frame for frame in reversed(live[0][:-1]) if frame["id"] == message["id"])
        shown = change.get("message", change)
        adds = event in {ReactionChanged, PinChanged}
        assert (change["type"], shown.get("text")) == (kind, None if adds or not left else left[0])
        course_frames = [one for one in await course.until_own_message() if as_list(one) is None]
        assert [json.loads(one)["message"] for one in course_frames] == [old, "and goes on"]
        history = (await http.get(MESSAGES)).json()["messages"]
        assert [one["text"] for one in history if one["id"] == message["id"]] == left
        for gateway in (first, second):
            async with person(gateway, since=before) as back:
                replayed = await until(back, after["seq"])
            frames = [frame for frame in replayed if frame["id"] == message["id"]]
            assert frames[-1] == change
            assert [frame["type"] for frame in frames] == ["message", kind] if adds else [kind]
            assert left == [old] or old not in json.dumps(replayed)


async def until(reader: Person, seq: int) -> list[Frame]:
    """Return the stored events that ``reader`` receives, up to ``seq``."""
    received: list[Frame] = []
    while not received or received[-1]["seq"] < seq:
        frame = await reader.receive()
        if "seq" in frame:
            received.append(frame)
    return received
