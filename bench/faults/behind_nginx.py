"""nginx as deploy/nginx.conf has it, with other addresses and without TLS, in front of a site's processes."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.faults import probe
from bench.faults.site import HOST, OK, Process, Site
from tools.ports import free_port

EXAMPLE = Path("deploy/nginx.conf")


@contextmanager
def nginx(site: Site, pages: Process, sockets: Process) -> Iterator[Process]:
    """Run nginx until the block ends; one process answers pages, the other sockets."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        sys.exit("nginx is not installed: this fault needs it (package nginx-light).")
    folder, port = site.folder / "nginx", free_port()
    site.folder.chmod(0o755)  # its workers are another user
    for name in ("log", "staticfiles", "wait"):
        (folder / name).mkdir(parents=True)
    (folder / "nginx.conf").write_text(_configuration(folder, port, pages, sockets))
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    process = Process(command, port, {}, folder / "log/out")
    process.start(wait=False)
    try:
        deadline = time.monotonic() + 10
        while probe.ask(process, "/healthz") != OK and time.monotonic() < deadline:
            time.sleep(0.05)
        yield process
    finally:
        if process.running is not None:
            process.running.terminate()
            process.running.wait(20)


def _configuration(folder: Path, port: int, pages: Process, sockets: Process) -> str:
    text = EXAMPLE.read_text()
    other = {
        "listen 80 default_server;": f"listen {HOST}:{free_port()};",
        "listen 443 ssl http2 default_server;": f"listen {HOST}:{port};",
        "/srv/tickets": str(folder),
        "/run/nginx.pid": f"{folder}/pid",
        "/var/log/nginx": f"{folder}/log",
        "/var/cache/nginx/tickets": f"{folder}/cache",
        " buffer=64k flush=5s": "",
    }
    for machine in ("10.0.0.11", "10.0.0.12"):
        other |= {f"{machine}:8001": f"{HOST}:{pages.port}", f"{machine}:8002": f"{HOST}:{sockets.port}"}
    for written, used in other.items():
        if written not in text:
            raise LookupError(f"deploy/nginx.conf has no {written!r} any more")
        text = text.replace(written, used)
    return "\n".join(line for line in text.splitlines() if not line.strip().startswith("ssl_"))
