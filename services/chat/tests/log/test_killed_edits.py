"""One of two chat processes is killed (SIGKILL) between any two steps of editing messages and of reacting."""

import asyncio
import re
from pathlib import Path

import pytest

from opsroom_contracts.chat.models import SendReply
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until, until_answer
from services.chat.tests.changes import Author
from services.chat.tests.harness import Chat, process
from services.chat.tests.log.steps import chat_proxy
from services.chat.tests.messages.test_message_removal import nothing_to_erase

MESSAGES = 4
STEPS = 14
"""The request, the write of the event and of its erasure, their acknowledgement, the two deletions and their
acknowledgements, the delivery to the index, and the reply."""
SECONDS = 120.0
_TEXT = re.compile(rb'"(text [0-9]+-[0-9a-z]+ of [0-9]+)"')


class Changes:
    """A person who edits and reacts to their messages; requests are repeated until there is a reply."""

    def __init__(self, author: Author, messages: list[SendReply]) -> None:
        self._author = author
        self._messages = messages
        self.texts: dict[str, str] = {}
        self.old: list[str] = []

    async def edit(self, name: str) -> None:
        """Change all messages at the same time."""
        await asyncio.gather(*(self._edit(one.id, f"{name} of {n}") for n, one in enumerate(self._messages)))

    async def _edit(self, message_id: str, text: str) -> None:
        before = self.texts.get(message_id)
        await self._author.edit(message_id, text)
        await self._author.react(message_id, "👍", on=len(self.old) % 2 == 0)
        self.texts[message_id] = text
        if before is not None:
            self.old.append(before)

    async def check(self, folder: Path) -> None:
        """Check that the history has the last texts at their places, and no earlier text is in the folder."""
        page = await self._author.page()
        assert [(one.seq, one.text) for one in page.messages] == [
            (one.seq, self.texts[one.id]) for one in self._messages
        ]
        assert all(one.count == 1 for message in page.messages for one in message.reactions or ())
        assert not set(self.old) & texts_on_disk(folder)


def texts_on_disk(folder: Path) -> set[str]:
    """Return the texts of this test that are in any file of a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {found.decode() for path in files for found in _TEXT.findall(path.read_bytes())}


async def kill_at(step: int, broker: BrokerProcess, changes: Changes, author: Author, index: Path) -> None:
    """Start a process, and kill it at this step while messages are changed."""
    proxy = chat_proxy(broker)
    url = f"nats://127.0.0.1:{await proxy.start()}"
    try:
        async with process(url, author.chat.requester, index) as killed, asyncio.timeout(SECONDS):
            await proxy.serves.wait()
            proxy.stop_at(step, killed.kill)
            burst = 0
            while not proxy.reached.is_set():
                await changes.edit(f"text {step}-{burst}")
                burst += 1
            await changes.edit(f"text {step}-last")
    finally:
        await proxy.stop()


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.timeout(400)
async def test_a_process_killed_at_any_step_of_an_edit_leaves_one_text(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path, first: int
) -> None:
    chat = Chat(broker, patience=SECONDS)
    async with process(broker_process.url, chat.requester, tmp_path / "other"):
        await chat.lease("g1")
        ann = await chat.present("Ann")
        sent = [await chat.send(ann.user.id, f"first {n}", f"c{n}") for n in range(MESSAGES)]
        author = Author(chat, ann.user.id)
        changes = Changes(author, sent)
        for step in range(first, STEPS + 1, 2):
            await kill_at(step, broker_process, changes, author, tmp_path / "index")
            await chat.lease("g1")
        await nothing_to_erase(chat)
        # The broker keeps the unfinished batch of a killed process for some ten seconds.
        await until(lambda: not set(changes.old) & texts_on_disk(tmp_path / "jetstream"))
        await changes.check(tmp_path / "jetstream")
        # The index of the killed process is brought up to date at its next start.
        async with process(broker_process.url, chat.requester, tmp_path / "index"):
            page = await author.page()
            await until_answer(author.page, lambda found: found == page)
            await until(lambda: not set(changes.old) & texts_on_disk(tmp_path))
            await changes.check(tmp_path)
