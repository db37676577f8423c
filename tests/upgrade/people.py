"""Users, messages and moderation that give a portal of an old release one of everything to store."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from opsroom_messaging.client.connection import NatsConnection
from services.gateway.tests.kit.api_clients import Person, person
from services.gateway.tests.kit.course_clients import as_list, course_client, register
from services.gateway.tests.kit.portal import Address
from tests.upgrade.portal_view import admin, bearer, static_token

Json = Any

PRESENT = ("Ann", "Вася", "Olga")
"""They are connected while the gateway is killed."""
SENDER = "Вася"
"""The sender of messages over NATS."""
TEXTS = (
    "ы" * 4000,
    "🦊" * 4000,
    "hello",
    "Привет, мир",
    "مرحبا",
    "e\u0301 and é",
    "👩‍👩‍👧‍👦 🏳️‍🌈",
    "tabs\tand\nlines\r\n",
    "<b>&amp;</b> \"quotes\" \\ 'single'",
)
COURSE_FRAMES: tuple[str | bytes, ...] = (
    '{"type":"send","message":"documented","user":{"id":"1","name":"masha"}}',
    '{ "msg" : "other order and spaces", "type" : "send", "date": 1795000000000, "userId": 7, "x": null }',
    '{"type":"send","text":"no user at all"}',
    '{"type":"send","user":"a string","message":{"text":"an object","time":"12:00"}}',
    '{"type":"send","name":"masha","msg":"\\u041f\\u0440\\u0438\\u0432\\u0435\\u0442 \\ud83e\\udd8a"}',
    '{"type":"send","message":"twice","message":"the same key"}',
    b'{"type":"send","message":"binary"}',
)
_RANDOM_ID = "c0ffee00c0ffee00c0ffee00c0ffee00"


@dataclass(slots=True)
class Made:
    """What a client has to know for a retry.

    ``tokens``: registration tokens by name. ``sends``, ``commands`` and ``requests``: frames, HTTP requests
    and NATS requests with an idempotency key, each with the reply to a retry.
    """

    tokens: dict[str, str] = field(default_factory=dict)
    sends: list[Json] = field(default_factory=list)
    commands: list[Json] = field(default_factory=list)
    requests: list[Json] = field(default_factory=list)


async def ask(broker: NatsConnection, subject: str, payload: str) -> Json:
    """Send a request over NATS, as the ``nats`` command line does. Returns the reply."""
    return (await broker.client.request(subject, payload.encode(), timeout=15.0)).data.decode()


async def join(address: Address, made: Made, name: str, proof: str | None = None) -> None:
    """Register ``name``, with the static token ``proof`` if there is one."""
    headers = {} if proof is None else bearer(proof)
    async with address.requests() as client:
        response = await client.post("/api/v1/chat/users", json={"name": name}, headers=headers)
        assert response.status_code == 201, response.text
        made.tokens[name] = response.json()["token"]


async def say(someone: Person, frame: Json) -> Json:
    """Send a frame. Returns the acknowledgement or the error."""
    await someone.send(frame)
    while (reply := await someone.receive("ack", "error")).get("clientId") != frame["clientId"]:
        pass
    return reply


async def talk(address: Address, broker: NatsConnection, made: Made) -> None:
    """Users register, write, are moderated, and leave; course clients and NATS are there, too."""
    for name in ("Ann", "Вася", "Carol", "Dave", "Erin", "Gwen", "Ivan", "Mallory", "Zoë 🦊"):
        await join(address, made, name)
    for name in ("Olga", "root"):
        await join(address, made, name, static_token(name))
    async with AsyncExitStack() as stack:
        opened = {
            name: await stack.enter_async_context(person(address, token))
            for name, token in made.tokens.items()
        }
        for number, text in enumerate(TEXTS):
            for name in ("Ann", "Вася") if len(text) < 4000 else ("Ann",):
                frame = {"type": "send", "clientId": f"{number}", "room": "general", "text": text}
                assert (await say(opened[name], frame))["type"] == "ack"
        made.sends.append({"name": "Ann", "frame": frame | {"clientId": "2", "text": TEXTS[2]}})
        frame = {"type": "send", "clientId": "in-ops", "room": "ops", "text": "in another room"}
        made.sends.append({"name": "Olga", "frame": frame})
        assert (await say(opened["Olga"], frame))["type"] == "ack"
        await _course(address)
        await _by_hand(broker, made)
        await _moderate(address, broker, made, opened)
        await opened["Carol"].send({"type": "leave"})
        assert await opened["Carol"].closed() == 1000


async def be_there(address: Address, made: Made, stack: AsyncExitStack) -> None:
    """Connect the users who stay, and course clients with and without a socket, until ``stack`` ends."""
    for name in PRESENT:
        await stack.enter_async_context(person(address, made.tokens[name]))
    kolya = await register(address, "kolya's browser", "kolya")
    socket = await stack.enter_async_context(course_client(address, "kolya's browser"))
    await socket.sees(kolya)
    await register(address, "vera's browser", "vera")


async def _course(address: Address) -> None:
    agent = "masha's browser"
    masha = await register(address, agent, "masha")
    async with course_client(address, agent, "/chat//ws") as socket, course_client(address, "other") as other:
        await socket.sees(masha)
        for frame in COURSE_FRAMES:
            await socket.send(frame)
            assert await other.message() == frame
        for ignored in ("null", "no JSON", '{"type":"ping"}'):
            await socket.send(ignored)
        await socket.send({"type": "exit", "user": {"name": "masha"}})
        await other.misses(masha)
        while as_list(await socket.receive()) is None:
            pass


async def _by_hand(broker: NatsConnection, made: Made) -> None:
    """Requests and publishes of the ``nats`` command line, some of them not what their subjects are for."""
    nadia = f'{{"name":"Nadia","clientId":"{_RANDOM_ID}"}}'
    made.requests.append({"subject": "chat.register", "payload": nadia})
    user_id = made.tokens[SENDER].partition(".")[0]
    sent = f'{{"userId":"{user_id}","clientId":"nats-1","room":"general","text":"from the shell"}}'
    made.requests.append({"subject": "chat.send", "payload": sent})
    for request in made.requests:
        await ask(broker, request["subject"], request["payload"])
    by_hand = (
        '{"id":"by-hand","room":"general","user":{"id":"someone","name":"someone"},"text":"published",'
        '"timestamp":"2026-11-24T00:00:00Z"}'
    )
    await broker.client.publish("chat.events.general.by-hand", by_hand.encode())
    await broker.client.publish("chat.events.general.garbage", b"garbage")
    await broker.client.publish("chat.members.garbage", b'{"version":1}')
    await broker.client.flush()


async def _moderate(address: Address, broker: NatsConnection, made: Made, opened: dict[str, Person]) -> None:
    frame = {"type": "send", "clientId": "bad", "room": "general", "text": "to be removed"}
    removed = [await say(opened[name], frame) for name in ("Ann", "Вася")]
    made.sends.append({"name": "Ann", "frame": frame})
    async with address.requests() as client:
        client.headers.update(admin())
        message = f"/api/v1/chat/rooms/general/messages/{removed[0]['id']}"
        assert (await client.delete(message, params={"reason": "a test"})).status_code == 204
        refused = await client.delete(message, headers=bearer(made.tokens["Erin"]))
        assert refused.status_code == 403
        assert (await client.delete(message[:-8] + "00000000")).status_code == 404
        await ask(broker, "chat.remove", f'{{"room":"general","id":"{removed[1]["id"]}"}}')

        async def restrict(what: str, **terms: Json) -> str:
            response = await client.post(f"/api/v1/chat/{what}", json=terms)
            assert response.status_code == 201, response.text
            return str(response.json()["id"])

        await restrict("mutes", name="Erin", reason="Не шумите")
        await restrict("mutes", name="Ünal", seconds=315_360_000)
        await restrict("mutes", name="Ünal", seconds=315_300_000, reason="the second replaces the first")
        await restrict("bans", name="Mallory", reason="spam")
        await restrict("bans", address="203.0.113.7")
        await restrict("bans", address="2001:db8:1:2:3::4", seconds=315_360_000)
        for lifted in (
            await restrict("bans", name="Ivan"),
            await restrict("bans", address="192.0.2.9"),
            await restrict("mutes", name="Вася"),
        ):
            path = f"/api/v1/chat/restrictions/{lifted}"
            assert (await client.delete(path, params={"reason": "a mistake"})).status_code == 204
        assert (await client.delete("/api/v1/chat/restrictions/none")).status_code == 404
        assert (await client.get("/api/v1/chat/addresses", params={"name": "Ann"})).status_code == 200
        dave = made.tokens["Dave"].partition(".")[0]
        assert (await client.delete(f"/api/v1/chat/users/{dave}/token")).status_code == 204
        own = await client.delete("/api/v1/session", headers=bearer(made.tokens["Gwen"]))
        assert own.status_code == 204
    await ask(broker, "chat.restrict", '{"kind":"mute","name":"nobody","by":{"name":"ann"}}')
    assert (await say(opened["Erin"], frame))["code"] == "muted"
