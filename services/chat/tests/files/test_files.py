"""Files over NATS: who sees one, in which message it is, and what is left when it goes."""

import asyncio
from pathlib import Path

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.moderation import Erasure
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import FILES_STREAM, erasure_subject, file_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.streams import audit_stream, ensure_stream, wait_for_streams
from opsroom_testkit.waiting import until_answer
from services.chat.tests.files.kit import CONTENT, uploader
from services.chat.tests.harness import Chat, refusal, service
from services.chat.tests.moderation import Moderator
from services.chat.tests.rooms import Rooms


@pytest.fixture
async def files(chat: Chat) -> Chat:
    """A running service whose stream of files exists."""
    await wait_for_streams(chat.broker, (FILES_STREAM,), timeout=20)
    return chat


async def code(request: object) -> ErrorCode:
    """Return the code with which a request is refused."""
    return (await refusal(request)).code  # type: ignore[arg-type]


async def test_a_file_is_its_uploaders_alone_until_a_message_refers_to_it(files: Chat) -> None:
    ann, bob = await uploader(files), await uploader(files, "Bob")
    uploaded = await ann.upload("f1")
    assert (uploaded.name, uploaded.type, uploaded.size) == ("a.txt", "text/plain", len(CONTENT))
    assert await ann.read("f1") == CONTENT
    assert await code(bob.find("f1")) is ErrorCode.FILE_UNKNOWN
    assert await code(bob.send("f1")) is ErrorCode.FILE_UNKNOWN
    await ann.send("f1")
    assert await bob.read("f1") == CONTENT
    (message,) = await files.history()
    assert (message.text, message.files) == ("", (uploaded,))


async def test_a_file_is_in_one_message_only_and_a_retry_is_harmless(files: Chat) -> None:
    ann = await uploader(files)
    await ann.upload("f1")
    first = await ann.send("f1", text="look")
    again = await ann.send("f1", text="look")
    assert (again.seq, again.duplicate) == (first.seq, True)
    assert await code(ann.send("f1", key="another")) is ErrorCode.FILE_UNKNOWN
    assert len(await files.history()) == 1


async def test_of_two_messages_at_once_one_gets_the_file(files: Chat) -> None:
    ann = await uploader(files)
    await ann.upload("f1")
    sent = await asyncio.gather(*(ann.send("f1", key=f"{n}") for n in range(4)), return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in sent) == 1
    assert all(isinstance(one, FaultError) for one in sent if isinstance(one, Exception))
    assert len(await files.history()) == 1


async def test_only_members_read_the_files_of_a_private_room(files: Chat) -> None:
    ann, bob, eve = [await uploader(files, name) for name in ("Ann", "Bob", "Eve")]
    rooms = Rooms(files.requester)
    room = (await rooms.create(ann.user_id, "Salaries", private=True)).id
    await rooms.invite(ann.user_id, room, bob.user_id)
    await ann.upload("f1", room=room)
    assert await code(ann.send("f1")) is ErrorCode.FILE_UNKNOWN  # it is for the other room
    await ann.send("f1", room=room)
    assert await bob.read("f1") == CONTENT
    assert await code(eve.find("f1")) is ErrorCode.FILE_UNKNOWN
    assert await code(eve.begin("f2", room=room)) is ErrorCode.ROOM_UNKNOWN
    await rooms.expel(ann.user_id, room, bob.user_id)
    assert await code(bob.find("f1")) is ErrorCode.FILE_UNKNOWN


async def test_removing_a_message_deletes_its_files_from_the_disk(
    files: Chat, moderator: Moderator, tmp_path: Path
) -> None:
    ann = await uploader(files)
    secret = b"a secret that nobody else has" * 50_000
    await ann.upload("f1", content=secret)
    sent = await ann.send("f1")
    assert _on_disk(tmp_path, secret[:29])
    await moderator.remove(sent.id)
    assert await code(ann.find("f1")) is ErrorCode.FILE_UNKNOWN
    assert await ann.blobs() == set()
    assert not _on_disk(tmp_path, secret[:29])
    again = await ann.send("f1")
    assert again.duplicate
    assert await code(ann.begin("f1")) is ErrorCode.FILE_UNKNOWN


async def test_an_erasure_that_a_killed_process_left_deletes_the_files(
    files: Chat, moderator: Moderator
) -> None:
    ann = await uploader(files)
    await ann.upload("f1")
    sent = await ann.send("f1")
    await moderator.remove(sent.id)
    await ann.put("f1", "left-over")  # as if the process had died before the deletion
    left = Erasure(room="general", id=sent.id, message_seq=sent.seq, files=("f1",))
    await files.put(erasure_subject(sent.id), encode(left))
    await ann.until_gone("f1")


async def test_an_invented_erasure_deletes_no_file(files: Chat) -> None:
    ann = await uploader(files)
    await ann.upload("f1")
    sent = await ann.send("f1")
    gone = Erasure(room="general", id="nothing", message_seq=1, files=("f1",))
    await files.put(erasure_subject("nothing"), encode(gone))
    await until_answer(lambda: files.messages.last(erasure_subject("nothing")), lambda left: left is None)
    assert await ann.read("f1") == CONTENT
    assert sent.seq


async def test_a_cancelled_upload_leaves_nothing(files: Chat) -> None:
    ann = await uploader(files)
    attempt, _ = await ann.begin("f1")
    await ann.put("f1", attempt)
    await ann.cancel("f1", attempt)
    assert await ann.blobs() == set()
    assert await code(ann.finish("f1", attempt)) is ErrorCode.FILE_UNKNOWN
    assert (await ann.upload("f1")).size == len(CONTENT)  # the same key once more


async def test_cancelling_what_is_finished_changes_nothing(files: Chat) -> None:
    ann = await uploader(files)
    attempt, _ = await ann.begin("f1")
    await ann.put("f1", attempt)
    await ann.finish("f1", attempt)
    await ann.cancel("f1", attempt)
    assert await ann.read("f1") == CONTENT


async def test_of_two_attempts_the_first_that_finishes_counts(files: Chat) -> None:
    ann = await uploader(files)
    first, _ = await ann.begin("f1")
    second, _ = await ann.begin("f1")
    await ann.put("f1", first)
    await ann.put("f1", second, b"something else")
    uploaded = await ann.finish("f1", first)
    assert await ann.finish("f1", second, b"something else") == uploaded
    assert await ann.read("f1") == CONTENT
    assert {blob.attempt for blob in await ann.blobs()} == {first}
    _, reply = await ann.begin("f1")
    assert reply.file == uploaded


@pytest.mark.parametrize("other", [{"name": "b.txt"}, {"room": "ops"}])
async def test_a_key_is_for_one_file(files: Chat, other: dict[str, str]) -> None:
    ann = await uploader(files)
    await Rooms(files.requester).create(ann.user_id, "Ops")
    await ann.begin("f1")
    if "room" in other:
        other = {"room": (await Rooms(files.requester).create(ann.user_id, "Other")).id}
    assert await code(ann.begin("f1", **other)) is ErrorCode.IDEMPOTENCY_MISMATCH


async def test_muted_people_upload_nothing(files: Chat, moderator: Moderator) -> None:
    ann = await uploader(files)
    await moderator.mute("Ann")
    assert await code(ann.begin("f1")) is ErrorCode.MUTED


async def test_files_that_no_message_refers_to_expire_with_their_bytes(broker: NatsConnection) -> None:
    async with service(broker, files_pending_seconds=1, files_sweep_seconds=0.2):
        await wait_for_streams(broker, (FILES_STREAM,), timeout=20)
        chat = Chat(broker)
        await chat.lease("g1")
        ann = await uploader(chat)
        await ann.upload("kept")
        await ann.send("kept")
        await ann.upload("expires")
        attempt, _ = await ann.begin("unfinished")
        await ann.put("unfinished", attempt)
        await ann.until_gone("expires")
        await ann.until_gone("unfinished")
        assert await chat.messages.last(file_subject("expires")) is None
        assert await ann.read("kept") == CONTENT


async def test_a_full_store_refuses_new_files_and_keeps_the_others(broker: NatsConnection) -> None:
    await ensure_stream(broker, audit_stream(max_age=0, max_bytes=-1, replicas=1))
    async with service(broker, files_bytes=2_000_000):
        await wait_for_streams(broker, (FILES_STREAM,), timeout=20)
        chat = Chat(broker)
        await chat.lease("g1")
        ann = await uploader(chat)
        await ann.upload("f1")
        await ann.send("f1")
        attempt, _ = await ann.begin("f2")
        with pytest.raises(Exception, match="maximum bytes"):
            await ann.put("f2", attempt)
        assert await ann.read("f1") == CONTENT


async def test_ten_files_in_one_message_at_most(files: Chat) -> None:
    ann = await uploader(files)
    ids = [f"f{n}" for n in range(10)]
    for file_id in ids:
        await ann.upload(file_id, content=b"x")
    fault = await files.refused(
        endpoints.SEND,
        {"userId": ann.user_id, "clientId": "c", "room": "general", "text": "", "files": [*ids, "f10"]},
    )
    assert (fault.code, fault.field) == (ErrorCode.INVALID_REQUEST, "files")
    await ann.send(*ids)
    (message,) = await files.history()
    assert [file.id for file in message.files or ()] == ids


def _on_disk(folder: Path, text: bytes) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]
