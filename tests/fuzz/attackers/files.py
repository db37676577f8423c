"""The client of files: what a range request returns is what it says, whatever was asked for."""

import re
from dataclasses import dataclass

import httpx

from services.gateway.tests.kit.portal import Address
from tests.fuzz.cases.file_cases import CONTENT, RangeCase

_PART = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_PLAIN = re.compile(r"bytes=(\d{1,9})-(\d{1,9})?", re.ASCII)
_CHAT = "/api/v1/chat"


def _asked(headers: dict[str, str]) -> slice | None:
    """Return the part that a plain range is; None: there is a condition, or another kind of range."""
    found = _PLAIN.fullmatch(headers["Range"])
    if found is None or len(headers) > 1:
        return None
    start, end = int(found[1]), int(found[2] or len(CONTENT))
    return slice(start, end + 1) if start <= end else None


@dataclass(frozen=True, slots=True)
class FileAttackers:
    """Downloads of a file with ``CONTENT`` that is in ``general``. ``etag``: its tag."""

    gateway: Address
    token: str
    file: str
    etag: str

    @classmethod
    async def prepare(cls, gateway: Address, token: str) -> "FileAttackers":
        """Upload the file, and send it."""
        headers = {"Authorization": f"Bearer {token}"}
        async with gateway.requests() as client:
            query = {"room": "general", "name": "content.bin"}
            made = await client.post(f"{_CHAT}/files", params=query, content=CONTENT, headers=headers)
            assert made.status_code == 201, made.text
            file: str = made.json()["id"]
            body = {"text": "a file", "files": [file]}
            sent = await client.post(f"{_CHAT}/rooms/general/messages", json=body, headers=headers)
            assert sent.status_code == 201, sent.text
            whole = await client.get(f"{_CHAT}/files/{file}", headers=headers)
            assert whole.content == CONTENT
            return cls(gateway, token, file, whole.headers["etag"])

    async def send(self, case: RangeCase) -> None:
        """Download.

        Raises:
            AssertionError: the response does not fit the file.
        """
        headers = {name: value.replace("ETAG", self.etag) for name, value in case.headers}
        headers["Authorization"] = f"Bearer {self.token}"
        async with self.gateway.requests() as client:
            path = f"{_CHAT}/files/{self.file}"
            response = await client.request(case.method, path, headers=headers)
        self._check(case, response)

    def _check(self, case: RangeCase, response: httpx.Response) -> None:
        status, expected = response.status_code, CONTENT
        asked = _asked(dict(case.headers))
        if asked is not None and status not in {422, 431}:
            wanted = range(len(CONTENT))[asked]
            if wanted:
                told = f"bytes {wanted.start}-{wanted.stop - 1}/{len(CONTENT)}"
                assert response.headers.get("content-range") == told, (
                    f"other bytes than was asked for: {response}"
                )
        assert status in {200, 206, 304, 416, 422, 431}, f"answered {status}: {response.text[:200]}"
        if status == 206:
            found = _PART.fullmatch(response.headers["content-range"])
            assert found is not None, f"which part? {response.headers}"
            start, end, size = map(int, found.groups())
            assert size == len(CONTENT), f"another size: {response.headers}"
            assert start <= end < size, f"no such part: {response.headers}"
            expected = CONTENT[start : end + 1]
        elif status == 416:
            assert response.headers["content-range"] == f"bytes */{len(CONTENT)}", str(response.headers)
        if status in {200, 206}:
            assert response.headers["content-length"] == str(len(expected)), "another length than it says"
            body = b"" if case.method == "HEAD" else expected
            assert response.content == body, f"other bytes than those of the part: {response.headers}"
