"""Replaced certificates: new connections get them, others go on."""

import asyncio
import ssl
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from opsroom_testkit.certificates import make_certificate
from opsroom_testkit.waiting import until, until_answer
from services.gateway.tests.kit.app_server import RunningServer, serving_app

OK = PlainTextResponse("ok")
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def contents(cert: Path) -> bytes:
    """Return the certificate of a file, as it is sent."""
    return ssl.PEM_cert_to_DER_cert(cert.read_text(encoding="ascii"))


async def opened(server: RunningServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection that accepts any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return await asyncio.open_connection("127.0.0.1", server.port, ssl=context)


async def served(server: RunningServer) -> bytes:
    """Return the certificate that a new connection gets."""
    _, writer = await opened(server)
    found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    return found


async def test_a_replaced_certificate_is_served_and_connections_go_on(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = certificate
    first = contents(cert)
    async with serving_app(OK, tls_cert=cert, tls_key=key) as server:
        reader, writer = await opened(server)
        assert await served(server) == first
        make_certificate(tmp_path)
        second = contents(cert)
        assert second != first
        assert await until_answer(lambda: served(server), lambda found: found == second)
        writer.write(REQUEST)
        assert await reader.readuntil(b"ok")
        writer.close()
        make_certificate(tmp_path)
        server.server.reload()
        assert await served(server) == contents(cert)


@pytest.mark.parametrize("broken", ["missing", "empty", "of another key"])
async def test_a_broken_certificate_leaves_the_present_one_and_says_so(
    certificate: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    cert, key = certificate
    first = contents(cert)
    (tmp_path / "other").mkdir()
    other, other_key = make_certificate(tmp_path / "other")
    async with serving_app(OK, tls_cert=cert, tls_key=key) as server:
        if broken == "missing":
            cert.unlink()
        else:
            cert.write_bytes(b"" if broken == "empty" else other.read_bytes())
        await until(lambda: "kept the present certificate" in caplog.text)
        assert str(cert) in caplog.text
        server.server.reload()
        assert await served(server) == first
        cert.write_bytes(other.read_bytes())
        key.write_bytes(other_key.read_bytes())
        assert await until_answer(lambda: served(server), lambda found: found == contents(other))
    assert caplog.text.count("kept the present certificate") <= 4  # once for each change, and the reload
