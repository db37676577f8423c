"""Files that people send while chat processes are killed: none is lost or doubled, all bytes are right."""

import asyncio

from opsroom_contracts.subjects import FILES_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.streams import wait_for_streams
from opsroom_testkit.broker import BrokerProcess
from services.chat.tests.files.kit import uploader
from services.chat.tests.harness import Chat, process

_FILES = 12
_KILLS = 3


async def test_files_sent_during_kills(broker_process: BrokerProcess, broker: NatsConnection) -> None:
    chat = Chat(broker, patience=60)
    async with process(broker_process.url, chat.requester) as one:
        await wait_for_streams(broker, (FILES_STREAM,), timeout=30)
        await chat.lease("g1")
        ann = await uploader(chat)
        half = asyncio.Event()

        async def send_all() -> None:
            for number in range(_FILES):
                content = f"content {number} ".encode() * 60_000
                await ann.upload(f"f{number}", content=content)
                await ann.send(f"f{number}", text=str(number), key=f"k{number}")
                half.set()

        sending = asyncio.create_task(send_all())
        for _ in range(_KILLS):
            half.clear()
            await asyncio.wait((asyncio.create_task(half.wait()), sending), return_when="FIRST_COMPLETED")
            await one.kill()
            await one.start(chat.requester)
        await sending
        found = await chat.everything()
        assert [message.text for message in found] == [str(number) for number in range(_FILES)]
        for number, message in enumerate(found):
            assert [file.id for file in message.files or ()] == [f"f{number}"]
            assert await ann.read(f"f{number}") == f"content {number} ".encode() * 60_000
        assert {blob.file_id for blob in await ann.blobs()} == {f"f{number}" for number in range(_FILES)}
