"""A person who uploads files over NATS, as a gateway does for them."""

from dataclasses import dataclass
from hashlib import sha256
from uuid import uuid4

from opsroom_contracts import endpoints
from opsroom_contracts.chat.files import (
    BeginFileReply,
    BeginFileRequest,
    CancelFileRequest,
    File,
    FileReply,
    FileRequest,
    FinishFileRequest,
)
from opsroom_contracts.chat.models import SendReply, SendRequest
from opsroom_messaging.files.jetstream_store import JetStreamFileStore
from opsroom_messaging.files.store import CHUNK_BYTES, Blob
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat

CONTENT = b"a file of Ann" * 100_000


@dataclass(frozen=True, slots=True)
class Uploader:
    """A registered user."""

    chat: Chat
    user_id: str

    @property
    def store(self) -> JetStreamFileStore:
        """The store of the portal's files."""
        return JetStreamFileStore(self.chat.broker)

    async def begin(
        self, file_id: str, *, room: str = "general", name: str = "a.txt", attempt: str | None = None
    ) -> tuple[str, BeginFileReply]:
        """Begin an upload; return its attempt and the reply."""
        chosen = attempt or uuid4().hex
        request = BeginFileRequest(user_id=self.user_id, id=file_id, attempt=chosen, room=room, name=name)
        return chosen, await self.chat.requester.request(endpoints.BEGIN_FILE, request)

    async def put(self, file_id: str, attempt: str, content: bytes = CONTENT) -> None:
        """Store the bytes."""
        for number, start in enumerate(range(0, len(content), CHUNK_BYTES)):
            await self.store.put(Blob(file_id, attempt), number, content[start : start + CHUNK_BYTES])

    async def finish(self, file_id: str, attempt: str, content: bytes = CONTENT) -> File:
        """Complete the upload."""
        request = FinishFileRequest(
            user_id=self.user_id,
            id=file_id,
            attempt=attempt,
            type="text/plain",
            size=len(content),
            digest=sha256(content).hexdigest(),
        )
        return (await self.chat.requester.request(endpoints.FINISH_FILE, request)).file

    async def upload(self, file_id: str, *, room: str = "general", content: bytes = CONTENT) -> File:
        """Upload a file."""
        attempt, _ = await self.begin(file_id, room=room)
        await self.put(file_id, attempt, content)
        return await self.finish(file_id, attempt, content)

    async def cancel(self, file_id: str, attempt: str) -> None:
        """Cancel an upload."""
        request = CancelFileRequest(id=file_id, attempt=attempt)
        await self.chat.requester.request(endpoints.CANCEL_FILE, request)

    async def find(self, file_id: str) -> FileReply:
        """Find a file that this person may read."""
        request = FileRequest(id=file_id, user_id=self.user_id)
        return await self.chat.requester.request(endpoints.FILE, request)

    async def read(self, file_id: str) -> bytes:
        """Read the bytes of a file."""
        found = await self.find(file_id)
        blob, content, number = Blob(file_id, found.attempt), b"", 0
        while chunk := await self.store.get(blob, number):
            content, number = content + chunk, number + 1
        return content

    async def send(self, *files: str, text: str = "", room: str = "general", key: str = "k") -> SendReply:
        """Send a message with files."""
        request = SendRequest(user_id=self.user_id, client_id=key, room=room, text=text, files=files)
        return await self.chat.requester.request(endpoints.SEND, request)

    async def blobs(self) -> set[Blob]:
        """Return everything that the store has."""
        return {blob async for blob in self.store.blobs()}

    async def until_gone(self, file_id: str) -> None:
        """Wait until the store has nothing of the file."""
        await until_answer(self.blobs, lambda blobs: all(blob.file_id != file_id for blob in blobs))


async def uploader(chat: Chat, name: str = "Ann") -> Uploader:
    """Return a registered user who is present."""
    return Uploader(chat, (await chat.present(name, socket=name)).user.id)
