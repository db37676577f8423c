"""The fuzz client: sends cases, and checks the response to each."""

import asyncio
import json
import re
import struct
from dataclasses import dataclass
from uuid import uuid4

from nats.aio.client import Client

from opsroom_contracts.chat.frames import CLIENT_FRAME, FRAME_MAX_BYTES, LeaveFrame, ReadFrame, TypingFrame
from opsroom_contracts.close_codes import Close
from opsroom_contracts.serialization.codec import ContractError, decode
from opsroom_gateway.domain.json_depth import exceeds_depth
from opsroom_testkit.raw_websocket import PATIENCE_SECONDS, RawWebSocket, open_websocket
from opsroom_testkit.websocket_frames import BINARY, CLOSE, PONG, TEXT, close_frame, frame
from tests.fuzz.attackers.agents import AgentAttackers
from tests.fuzz.attackers.files import FileAttackers
from tests.fuzz.attackers.flood import Flooders
from tests.fuzz.attackers.markdown import MarkdownAttackers
from tests.fuzz.attackers.moderation import Moderation
from tests.fuzz.attackers.roles import RoleAttackers
from tests.fuzz.attackers.rooms import RoomAttackers
from tests.fuzz.attackers.servers import ServerAttackers
from tests.fuzz.cases.agent_cases import AgentCase
from tests.fuzz.cases.file_cases import TOKEN, RangeCase
from tests.fuzz.cases.flood_cases import FloodCase
from tests.fuzz.cases.http_cases import HttpCase
from tests.fuzz.cases.markdown_cases import MarkdownCase
from tests.fuzz.cases.moderation_cases import ModerationCase
from tests.fuzz.cases.nats_cases import NatsEvent, NatsRequest
from tests.fuzz.cases.role_cases import RoleCase, RoleFrames, RoleRequest, RoleSubject
from tests.fuzz.cases.room_cases import RoomCase
from tests.fuzz.cases.server_cases import ServerCase
from tests.fuzz.cases.socket_cases import CHAT, INSTANCE, V1, Ending, SocketCase

ProgramCase = RoleCase | ModerationCase | ServerCase | AgentCase | RoomCase | RangeCase | MarkdownCase
"""Cases that a client of their kind sends."""
Case = SocketCase | HttpCase | NatsRequest | NatsEvent | FloodCase | ProgramCase
"""Cases have a kind, by which they are counted."""
_JSON_DEPTH = 32
_MALFORMED_MAX = 20
_WAITING_SECONDS = 0.25
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r\n")


class FindingError(Exception):
    """A case had a forbidden effect; the message says which."""


@dataclass(frozen=True, slots=True)
class Attackers:
    """The clients of cases that take several connections."""

    roles: RoleAttackers
    moderation: Moderation
    servers: ServerAttackers
    agents: AgentAttackers
    rooms: RoomAttackers
    files: FileAttackers
    markdown: MarkdownAttackers

    async def send(self, case: ProgramCase) -> None:
        """Send a case.

        Raises:
            AssertionError: it had a forbidden effect.
        """
        match case:
            case RoleRequest() | RoleFrames() | RoleSubject():
                await self.roles.send(case)
            case ModerationCase():
                await self.moderation.send(case)
            case ServerCase():
                await self.servers.send(case)
            case AgentCase():
                await self.agents.send(case)
            case RoomCase():
                await self.rooms.send(case)
            case RangeCase():
                await self.files.send(case)
            case MarkdownCase():
                await self.markdown.send(case)


class FuzzClient:
    """Sends cases to the gateway at ``port`` and to the broker, at most ``places`` at once.

    ``instance``: the id of an existing server.
    """

    def __init__(
        self, port: int, brokers: dict[str, Client], tokens: list[str], attackers: Attackers
    ) -> None:
        self.port = port
        self.instance = ""
        self._brokers = brokers
        self._tokens = tokens
        self.places = len(tokens)
        self._flooders = Flooders(port)
        self._attackers = attackers

    async def send(self, case: Case, place: int, patience: float) -> None:
        """Send a case, within ``patience`` seconds. Concurrent cases have different ``place`` numbers.

        Raises:
            FindingError: it had a forbidden effect.
        """
        try:
            async with asyncio.timeout(patience):
                await self._send(case, place)
        except TimeoutError:
            raise FindingError("neither answered nor ended") from None
        except AssertionError as error:
            raise FindingError(str(error)) from error

    async def _send(self, case: Case, place: int) -> None:
        match case:
            case SocketCase():
                await self._socket(case, self._tokens[place])
            case HttpCase():
                await self._http(case)
            case FloodCase():
                await self._flooders.send(case, self._tokens[place])
            case NatsRequest():
                await self._request(case)
            case NatsEvent():
                await self._brokers[case.user].publish(self._named(case.subject), self._filled(case.payload))
            case _:
                await self._attackers.send(case)

    def _named(self, text: str) -> str:
        return text.replace(INSTANCE, self.instance)

    def _filled(self, data: bytes) -> bytes:
        token = self._attackers.files.token
        return data.replace(INSTANCE.encode(), self.instance.encode()).replace(TOKEN.encode(), token.encode())

    async def _socket(self, case: SocketCase, token: str) -> None:
        client = await open_websocket(self.port, case.path)
        texts = [self._named(text) for text in case.texts]
        try:
            if case.path == V1 and case.greeted:
                client.writer.write(frame(TEXT, json.dumps({"type": "hello", "token": token}).encode()))
                await _until(client, "welcome")
            opcode = BINARY if case.binary else TEXT
            client.writer.write(b"".join(frame(opcode, text.encode()) for text in texts) + case.data)
            if case.ending is Ending.TALK:
                await _talk(client, case, texts)
            elif case.ending is not Ending.ABORT:
                await _leave(client, case)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            if case.ending is Ending.TALK:
                raise FindingError(f"dropped without a close frame: {error!r}") from error
        finally:
            await client.end()

    async def _http(self, case: HttpCase) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        said, ending = b"", None
        try:
            writer.write(self._filled(case.data))
            if not case.whole:  # the request may be incomplete; a complete one gets its response before that
                ending = asyncio.get_running_loop().call_later(_WAITING_SECONDS, writer.write_eof)
            while more := await reader.read(65_536):
                said += more
                if case.stream and b"text/event-stream" in said:
                    break
        except ConnectionError:
            if case.whole:
                raise FindingError("a request was dropped") from None
        finally:
            if ending is not None:
                ending.cancel()
            writer.transport.abort()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        codes = [code for code in map(int, _STATUS.findall(said)) if code >= 200]
        # /readyz may return 503 on a busy machine.
        assert all(code < 500 or (code == 503 and b"/readyz" in case.data) for code in codes), (
            f"answered {codes}: {said[:300]!r}"
        )
        assert len(codes) <= case.answers, f"answered {len(codes)} times: {said[:600]!r}"
        assert codes or not case.whole, f"not answered: {said[:300]!r}"

    async def _request(self, case: NatsRequest) -> None:
        answer = await self._brokers["operator"].request(
            case.subject,
            self._filled(case.payload),
            timeout=PATIENCE_SECONDS,
            headers=dict(case.headers) or None,
        )
        code = (answer.headers or {}).get("Nats-Service-Error-Code", "")
        assert not code.startswith("5"), f"{code}: {answer.data[:300]!r}"


async def _talk(client: RawWebSocket, case: SocketCase, texts: list[str]) -> None:
    """After any input a valid message is accepted, and everything before it got a response."""
    pings, mark = case.pings, uuid4().hex
    answers, sent_away = (0, frozenset[int]())
    if case.path == V1:
        answers, sent_away = _owed(texts, greeted=case.greeted)
        answers += case.messages
    client.writer.write(frame(TEXT, _good(case.path, mark)))
    taken = False
    while not taken or pings > 0:
        opcode, data = await client.next()
        if opcode == CLOSE:
            code = _code(data)
            assert code in sent_away, f"closed with {code}"
            await _ended(client, data)
            return
        if opcode == PONG:
            pings -= 1
        elif case.path == V1 and not sent_away:
            told = json.loads(data)
            if told["type"] in {"ack", "error"}:
                if told.get("clientId") == mark:
                    assert told["type"] == "ack", f"a good message was refused: {data!r}"
                    taken = True
                else:
                    answers -= 1
        elif case.path == CHAT:
            taken = taken or mark.encode() in data
        else:
            taken = taken or data == b"[]"  # maybe of another client: they can't be distinguished
    assert pings == 0, f"{pings} pings were not answered"
    assert answers == 0, f"{answers} messages were not answered"
    client.writer.write(close_frame(1000))
    assert await _close_code(client) == 1000


def _owed(texts: list[str], *, greeted: bool) -> tuple[int, frozenset[int]]:
    """Return how many responses these messages need, and the close codes that are allowed."""
    if not greeted:
        expected = {Close.HELLO_EXPECTED, Close.TOKEN_INVALID, Close.PROTOCOL}
        return 0, frozenset(one.value.code for one in expected)
    owed = malformed = 0
    for text in texts:
        try:
            if exceeds_depth(text, _JSON_DEPTH):
                raise ContractError("", "deep")
            told = decode(CLIENT_FRAME, text, FRAME_MAX_BYTES)
        except ContractError:
            malformed += 1
        else:
            if isinstance(told, LeaveFrame):
                return 0, frozenset({Close.LEFT.value.code})
            owed += not isinstance(told, TypingFrame | ReadFrame)
    return owed + malformed, frozenset({Close.PROTOCOL.value.code} if malformed >= _MALFORMED_MAX else ())


def _good(path: str, mark: str) -> bytes:
    """Build a valid message, which needs a response."""
    said = {
        V1: {"type": "send", "clientId": mark, "room": "general", "text": "a good message"},
        CHAT: {"type": "send", "message": mark},
    }
    return json.dumps(said.get(path, {"id": mark})).encode()


async def _leave(client: RawWebSocket, case: SocketCase) -> None:
    """Read to the end. A violation must be closed with its code."""
    if case.ending is Ending.HALF:
        client.writer.write_eof()
    try:
        code = await _close_code(client, silent=case.ending is Ending.HALF)
    except asyncio.IncompleteReadError:
        assert case.ending is Ending.HALF, "dropped without a close frame"
        return
    assert code != 1011, "an internal error"
    assert not case.codes or code in case.codes, f"closed with {code}"


async def _close_code(client: RawWebSocket, *, silent: bool = False) -> int:
    """Read up to the close frame, and wait for the end of the connection. Returns the close code."""
    while (got := await client.next())[0] != CLOSE:
        pass
    await _ended(client, got[1], silent=silent)
    return _code(got[1])


def _code(payload: bytes) -> int:
    return int(struct.unpack("!H", payload[:2])[0]) if payload else 1005


async def _ended(client: RawWebSocket, closed: bytes, *, silent: bool = False) -> None:
    """Answer a close frame, unless ``silent``. Nothing may follow it."""
    try:
        if not silent:
            client.writer.write(frame(CLOSE, closed))
        assert await client.reader.read() == b"", "something came after the close"
    except ConnectionError:
        return  # the other end was faster


async def _until(client: RawWebSocket, kind: str) -> None:
    while True:
        opcode, data = await client.next()
        assert opcode == TEXT, f"{opcode} instead of a {kind}: {data!r}"
        if json.loads(data)["type"] == kind:
            return
