"""nginx as deploy/nginx.conf has it, with other addresses and without TLS, in front of a site's processes."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.faults import probe
from bench.faults.site import HOST, OK, Process, Site
from tools.front import NGINX, configuration
from tools.ports import free_port


@contextmanager
def nginx(site: Site, pages: Process, sockets: Process) -> Iterator[Process]:
    """Run nginx until the block ends; one process answers pages, the other sockets."""
    if NGINX is None:
        sys.exit("nginx is not installed: this fault needs it (package nginx-light).")
    folder, port = site.folder / "nginx", free_port()
    site.folder.chmod(0o755)  # its workers are another user
    for name in ("log", "staticfiles", "wait"):
        (folder / name).mkdir(parents=True)
    (folder / "nginx.conf").write_text(_without_tls(folder, port, pages, sockets))
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
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


def _without_tls(folder: Path, port: int, pages: Process, sockets: Process) -> str:
    listening = {
        "listen 80 default_server;": f"listen {HOST}:{free_port()};",
        "listen 443 ssl http2 default_server;": f"listen {HOST}:{port};",
    }
    at = {"pages": f"{HOST}:{pages.port}", "sockets": f"{HOST}:{sockets.port}"}
    text = configuration(folder, changes=listening, **at)
    return "\n".join(line for line in text.splitlines() if not line.strip().startswith("ssl_"))
