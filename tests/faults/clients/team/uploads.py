"""Files of a person: uploaded, sent, and downloaded by others."""

import asyncio
import time
from urllib.parse import quote

from tests.faults.clients.chat_sender import RETRY
from tests.faults.clients.http_client import download
from tests.faults.clients.recorder import Recorder
from tests.faults.clients.team.board import Board
from tests.faults.clients.team.device import Account
from tests.faults.clients.team.requests import Requests
from tests.faults.verification.history import digest
from tests.faults.verification.team_history import Download, Glimpse, SentFile

_BYTES = 20_000
_LARGE_BYTES = 700_000
"""More than one chunk of the store."""
_LARGE = 0.05
_AGAIN_SECONDS = 0.2
_TRIES = 100
_OF_PROXY = {502, 504}


def digest_of(content: bytes) -> str:
    """Return the digest of a file."""
    return digest(content.hex())


class Uploads:
    """Uploads and downloads files as one person."""

    def __init__(
        self, recorder: Recorder, ports: list[int], board: Board, account: Account, requests: Requests
    ) -> None:
        self._recorder = recorder
        self._ports = ports
        self._board = board
        self._account = account
        self._requests = requests
        self._number = 0
        self._digests: dict[str, str] = {}

    async def upload(self, room: str) -> tuple[str, ...]:
        """Upload a file for ``room``. Returns its id, or nothing if it was refused."""
        rng, asked = self._recorder.rng, time.time()
        self._number += 1
        name = f"{self._account.name}-{self._number}.bin"
        content = rng.randbytes(_LARGE_BYTES if rng.random() < _LARGE else rng.randrange(1, _BYTES))
        path = f"/api/v1/chat/files?room={room}&name={quote(name)}"
        answer = await self._requests.http("POST", path, "to upload", content=content, key=f"file {name}")
        if answer is None:
            return ()
        is_created = self._board.is_created(room)
        if answer.status == 201:
            self._glimpse(room, "upload", asked, let_in=True)
            self._digests[answer.body["id"]] = digest_of(content)
            return (str(answer.body["id"]),)
        if is_created and answer.body.get("code") in {"room_unknown", "forbidden"}:
            self._glimpse(room, "upload", asked, let_in=False)
        else:
            self._recorder.record_violation(f"{self._account.name} could not upload: {answer.body}")
        return ()

    def sent(self, files: tuple[str, ...], room: str, key: str) -> None:
        """Record that the message ``key`` is to have these files."""
        for ident in files:
            self._recorder.team.files.append(SentFile(ident, room, key, self._digests[ident]))

    async def fetch(self) -> None:
        """Download a file of a message that was sent a moment ago, perhaps of a room of others."""
        posts = [one for one in self._board.all_posts() if one.files and not one.gone]
        if posts:
            post = self._recorder.rng.choice(posts)
            await self.download(post.files[0], post.room)

    async def download(self, ident: str, room: str, *, at_rest: bool = False) -> None:
        """Download a file, and record what came."""
        recorder, life, asked = self._recorder, self._recorder.chat, time.time()
        path = f"/api/v1/chat/files/{ident}"
        with recorder.trying("to download", self._account.name):
            for _ in range(_TRIES):
                try:
                    port = recorder.rng.choice(self._ports)
                    status, content = await download(port, path, self._account.headers)
                except OSError:
                    status, content = 503, b""
                if life is not recorder.chat:
                    return
                if status in {200, 404}:
                    break
                is_temporary = status in _OF_PROXY or any(code.encode() in content for code in RETRY)
                if not is_temporary and content:
                    recorder.record_violation(f"{self._account.name} could not download: {content[:200]!r}")
                    return
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return
        found = digest_of(content) if status == 200 else ""
        if found or not self._board.is_created(room):
            recorder.team.downloads.append(
                Download(ident, self._account.owner, asked, time.time(), found, at_rest)
            )
        if found:
            self._glimpse(room, "file", asked, let_in=True)
        elif at_rest and self._board.is_created(room):
            recorder.team.downloads.append(
                Download(ident, self._account.owner, asked, time.time(), "", at_rest=True)
            )

    def _glimpse(self, room: str, door: str, asked: float, *, let_in: bool) -> None:
        # Everybody may read a public room.
        if self._board.is_closed(room) or (door == "upload" and self._board.is_created(room)):
            self._recorder.team.roster.glimpses.append(
                Glimpse(self._account.owner, room, door, asked, time.time(), let_in)
            )
