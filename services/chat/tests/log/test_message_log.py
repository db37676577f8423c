"""The message log with the real broker: each message is stored once, whatever happens to indexes."""

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from opsroom_contracts.subjects import CHAT_EVENTS, CHAT_STREAM, message_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until
from services.chat.tests.log.kit import Node, create_stream, node, put_former, stored_ids

INDEX = "messages-0.sqlite"


def once(stored: dict[int, str], replies: dict[str, set[int]]) -> None:
    """Check that every message is stored once, and that all replies name its sequence."""
    assert {message: {seq} for seq, message in stored.items()} == replies
    assert len(stored) == len(replies)


async def send_all(nodes: list[Node], ids: list[str], replies: dict[str, set[int]]) -> None:
    """Send each message to a node at the same time."""
    found = await asyncio.gather(
        *(nodes[number % len(nodes)].send(message) for number, message in enumerate(ids))
    )
    for message, seq in zip(ids, found, strict=True):
        replies.setdefault(message, set()).add(seq)


async def test_messages_share_subjects_and_keep_their_order(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    await create_stream(broker)
    async with node(broker_process.url, tmp_path / "index") as one:
        await one.ready()
        ids = [f"m{number}" for number in range(2000)]
        await send_all([one], ids, {})
        stored = await stored_ids(broker)
        assert list(stored.values()) == ids
        info = await broker.client.request(f"$JS.API.STREAM.INFO.{CHAT_STREAM}", b"", timeout=5)
        assert json.loads(info.data)["state"]["num_subjects"] == 256


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_two_processes_store_each_message_once(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path, seed: int
) -> None:
    """Retries at any distance, on processes that restart with their file, without it, or with junk."""
    await create_stream(broker)
    random, replies = Random(seed), dict[str, set[int]]()
    folders = [tmp_path / "index-0", tmp_path / "index-1"]
    for number in range(50):
        replies[f"former{number}"] = {await put_former(broker, f"former{number}")}
    for round_number in range(4):
        async with AsyncExitStack() as stack:
            nodes = [
                await stack.enter_async_context(
                    node(broker_process.url, folder, builds_index=random.random() < 0.7)
                )
                for folder in folders
            ]
            for burst in range(3):
                new = [f"m{round_number}-{burst}-{number}" for number in range(120)]
                retries = random.choices(sorted(replies), k=80)
                ids = new + random.choices(new, k=40) + retries
                random.shuffle(ids)
                await send_all(nodes, ids, replies)
        for folder in folders:
            match random.choice(["kept", "missing", "junk"]):
                case "missing":
                    (folder / INDEX).unlink()
                case "junk":
                    (folder / INDEX).write_bytes(random.randbytes(9000))
                case _:
                    pass
    once(await stored_ids(broker), replies)


async def test_processes_that_write_at_the_same_time_make_progress(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    await create_stream(broker)
    replies: dict[str, set[int]] = {}

    async def keep_sending(sender: Node, name: str) -> None:
        for burst in range(8):
            await send_all([sender], [f"{name}-{burst}-{number}" for number in range(100)], replies)

    async with node(broker_process.url, tmp_path) as one, node(broker_process.url, tmp_path) as other:
        await asyncio.gather(one.ready(), other.ready())
        await asyncio.gather(keep_sending(one, "one"), keep_sending(other, "other"))
    once(await stored_ids(broker), replies)


async def test_the_index_goes_on_where_it_was_saved(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    await create_stream(broker)
    async with node(broker_process.url, tmp_path) as first:
        await first.ready()
        await send_all([first], [f"m{number}" for number in range(300)], {})
        last = (await StreamReader(broker, CHAT_STREAM).bounds()).last
        assert await first.subscription.wait_for(last, 10)
    async with node(broker_process.url, None) as other:
        await other.send("meanwhile")
    async with node(broker_process.url, tmp_path) as again:
        await again.ready()
        assert again.index.unsaved == 1  # only what is new was delivered
        assert again.index.synced
        assert await again.send("meanwhile") == 301
        assert await again.send("m7") == 8


async def test_another_stream_makes_the_index_start_over(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    await create_stream(broker)
    async with node(broker_process.url, tmp_path) as first:
        await first.ready()
        for number in range(20):
            await first.send(f"m{number}")
        await first.subscription.wait_for(20, 10)
    await broker.jetstream.delete_stream(CHAT_STREAM)
    await create_stream(broker)
    async with node(broker_process.url, None) as other:
        replies = {f"m{number}": {await other.send(f"m{number}")} for number in reversed(range(20))}
    async with node(broker_process.url, tmp_path) as again:
        await send_all([again], [*replies, "new"], replies)
        await again.ready()
        await send_all([again], [*replies, "newer"], replies)
    once(await stored_ids(broker), replies)


async def test_a_stream_that_is_created_again_under_a_running_process(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    await create_stream(broker)
    async with node(broker_process.url, tmp_path) as running:
        await running.ready()
        await running.send("m1")
        generation = running.index.generation
        await broker.jetstream.delete_stream(CHAT_STREAM)
        await create_stream(broker)
        await until(lambda: running.index.generation > generation and running.index.synced)
        replies: dict[str, set[int]] = {}
        await send_all([running], ["m1", "m1", "m2"], replies)
    once(await stored_ids(broker), replies)


async def test_a_file_that_fails_is_built_again(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    await create_stream(broker)
    replies: dict[str, set[int]] = {}
    async with node(broker_process.url, tmp_path) as running:
        await running.ready()
        ids = [f"m{number}" for number in range(200)]
        await send_all([running], ids, replies)
        await running.subscription.wait_for(200, 10)
        await running.keeper.save()
        for suffix in ("", "-wal"):
            (tmp_path / f"{INDEX}{suffix}").write_bytes(b"junk" * 5000)
        generation = running.index.generation
        for number in range(1000):
            # Until a page is read that the connection does not have in memory yet.
            await send_all([running], [ids[number % 200], f"new{number}"], replies)
            await running.keeper.save()
            if running.index.generation > generation:
                break
        else:
            raise AssertionError("the junk was never read")
        await until(lambda: running.index.synced)
        await send_all([running], ids, replies)
    once(await stored_ids(broker), replies)


async def test_the_end_of_a_shard_may_go(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    await create_stream(broker)
    async with node(broker_process.url, tmp_path) as running:
        await running.ready()
        first = await running.send("m1")
        await broker.jetstream.delete_msg(CHAT_STREAM, first)
        again = await running.send("m1")  # the stream no longer has it
        assert again > first
        assert await running.send("m1") == again
        many = [f"m{number}" for number in range(60)]
        await send_all([running], many, {})
        await broker.jetstream.purge_stream(CHAT_STREAM)
        replies: dict[str, set[int]] = {}
        await send_all([running], many, replies)  # in one batch
        once(await stored_ids(broker), replies)


async def test_a_write_of_another_process_between_check_and_write_is_noticed(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    """The index learns nothing by itself here, so that each write must find out."""
    await create_stream(broker)
    async with (
        node(broker_process.url, None, builds_index=False) as one,
        node(broker_process.url, None, builds_index=False) as other,
    ):
        for number in range(30):
            message = f"m{number % 10}"
            sender = one if number % 2 else other
            await sender.send(message)
        assert Counter((await stored_ids(broker)).values()) == {f"m{n}": 1 for n in range(10)}
        reader = StreamReader(broker, CHAT_STREAM)
        assert len(await reader.page(CHAT_EVENTS, start=1, count=100)) == 10
        assert await reader.last(message_subject("general", "m3")) is not None
