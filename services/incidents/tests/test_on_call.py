"""Rotas: made, replaced, removed, and seen by who may read their room."""

from opsroom_messaging.client.connection import NatsConnection
from services.chat.tests.harness import Chat, refusal
from services.chat.tests.harness import service as chat_service
from services.chat.tests.rooms import Rooms
from services.incidents.tests.harness import service
from services.incidents.tests.on_call import Rotas


async def test_a_rota_is_made_replaced_and_removed(broker: NatsConnection) -> None:
    async with chat_service(broker), service(broker):
        chat, rotas = Chat(broker), Rotas(broker)
        await chat.lease("g1")
        ann, bob = [(await chat.present(name)).user.id for name in ("Ann", "Bob")]
        made = await rotas.put(ann, bob)
        assert made.rota is not None
        duty, following = made.rota.on_duty, made.rota.following
        assert (duty.id, duty.name, following and following.name) == (ann, "Ann", "Bob")
        assert await rotas.put(ann, bob) == made
        replaced = await rotas.put(bob, ann, name="OPS")
        assert await rotas.all(ann) == [replaced.rota]
        assert await rotas.all(ann, room="elsewhere") == []
        assert (await rotas.put(bob, name="ops", remove=True)).rota is None
        assert (await rotas.put(bob, name="ops", remove=True)).rota is None
        assert await rotas.all(ann) == []
        assert (await rotas.put(ann)).rota is not None


async def test_what_a_rota_refers_to_must_exist(broker: NatsConnection) -> None:
    async with chat_service(broker), service(broker):
        chat, rotas = Chat(broker), Rotas(broker)
        await chat.lease("g1")
        ann = (await chat.present("Ann")).user.id
        zone = await refusal(rotas.put(ann, zone="Mars/Base"))
        assert (zone.code, zone.field) == ("invalid_request", "zone")
        nobody = await refusal(rotas.put(ann, "u-nobody"))
        assert (nobody.code, nobody.field) == ("invalid_request", "people")
        holiday = {"person": "u-nobody", "from": "2026-01-01T00:00:00.000Z", "to": "2026-01-02T00:00:00.000Z"}
        absent = await refusal(rotas.put(ann, overrides=[holiday]))
        assert (absent.code, absent.field) == ("invalid_request", "overrides")
        assert (await refusal(rotas.put(ann, webhook="a" * 16))).code == "webhook_unknown"
        assert (await refusal(rotas.put(ann, room="elsewhere"))).code == "room_unknown"
        assert await rotas.all(ann) == []


async def test_a_rota_of_a_private_room_is_for_its_members(broker: NatsConnection) -> None:
    async with chat_service(broker), service(broker):
        chat, rotas = Chat(broker), Rotas(broker)
        await chat.lease("g1")
        ann, bob = [(await chat.present(name)).user.id for name in ("Ann", "Bob")]
        room = (await Rooms(chat.requester).create(ann, "secret", private=True)).id
        outside = await refusal(rotas.put(ann, bob, room=room))
        assert (outside.code, outside.field) == ("invalid_request", "people")
        await rotas.put(ann, room=room)
        assert [one.rota.room for one in await rotas.all(ann)] == [room]
        assert await rotas.all(bob) == await rotas.all() == []
