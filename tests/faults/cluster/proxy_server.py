"""nginx in front of the gateways, with the configuration that we publish."""

import os
import shutil
from pathlib import Path

from opsroom_testkit.ports import free_port, listens
from tests.faults.clients.http_client import GATEWAY_HEADER
from tests.faults.cluster.managed_process import ManagedProcess

_OURS = Path(__file__).parents[3] / "deploy" / "nginx"
_PATHS = "/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin"


def find_nginx() -> str | None:
    """Return the program, or None if it is not installed."""
    return shutil.which("nginx") or shutil.which("nginx", path=_PATHS)


async def start_nginx(program: str, folder: Path, gateways: list[int]) -> tuple[ManagedProcess, int]:
    """Start it for gateways at these ports of this machine. Returns the process and its port."""
    port, own = free_port(), folder / "nginx"
    own.mkdir(exist_ok=True)
    text = (_OURS / "nginx.conf").read_text(encoding="utf-8")
    for before, after in (
        ("/tmp/", f"{own}/"),
        ("/usr/share/nginx/html", str(own)),
        ("listen 8080;", f"listen 127.0.0.1:{port};"),
        ("listen 3000;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 3001;", f"listen 127.0.0.1:{free_port()};"),
        ("worker_processes auto;", "worker_processes 1;"),
    ):
        text = text.replace(before, after)
    config = own / "nginx.conf"
    config.write_text(text, encoding="utf-8")
    shutil.copy(_OURS / "proxy.conf", own)
    (own / "mime.types").write_text("types { text/html html; }", encoding="utf-8")
    # The image finds gateways by name; here they are a group, none of which is ever left out.
    servers = " ".join(f"server 127.0.0.1:{gateway} max_fails=0;" for gateway in gateways)
    place = f'upstream gateways {{ {servers} }}\nmap "" $gateway {{ default gateways; }}\n'
    # Clients must know which gateway serves them, to know which faults they feel.
    place += f"add_header {GATEWAY_HEADER} $upstream_addr always;\n"
    (own / "place.conf").write_text(place, encoding="utf-8")
    directives = "daemon off;" + (" user root;" if os.getuid() == 0 else "")
    child = ManagedProcess(
        "nginx",
        [program, "-c", str(config), "-p", str(own), "-e", str(own / "error.log"), "-g", directives],
        dict(os.environ),
        folder,
    )

    async def ready() -> bool:
        return await listens(port)

    child.ready = ready
    await child.start()
    return child, port
