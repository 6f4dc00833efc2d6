"""The two configurations of nginx, with other addresses and folders, before processes of a test or a benchmark."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from .ports import free_port

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
EXAMPLE, OF_COMPOSE = DEPLOY / "nginx.conf", DEPLOY / "compose.conf"
FOLDERS = ("tls", "log", "staticfiles", "wait")
CERTIFICATE = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout privkey.pem -out fullchain.pem"
START_SECONDS = 60


class Front(NamedTuple):
    """The ports on which nginx answers: with TLS, and without."""

    secure: int
    plain: int


@contextmanager
def front(folder: Path, *, pages: str, sockets: str, changes: dict[str, str] | None = None) -> Iterator[Front]:
    """Run nginx in a folder: pages come from the one address (`127.0.0.1:8001`), sockets from the other.

    The folder gets a certificate, and `staticfiles`, which the caller fills; `changes` as `configuration` has them.
    """
    for name in FOLDERS:
        (folder / name).mkdir()
    subprocess.run(["openssl", *CERTIFICATE.split()], cwd=folder / "tls", check=True, capture_output=True)
    ports = Front(free_port(), free_port())
    own = {
        "listen 80 ": f"listen 127.0.0.1:{ports.plain} ",
        "listen 443 ": f"listen 127.0.0.1:{ports.secure} ",
        "/etc/nginx/tls": f"{folder}/tls",
    }
    text = configuration(folder, pages=pages, sockets=sockets, changes=own | (changes or {}))
    with _running(folder, text, ports.secure):
        yield ports


@contextmanager
def front_of_compose(folder: Path, *, pages: str, sockets: str) -> Iterator[int]:
    """Run the proxy of docker-compose.yml in a folder, before these two addresses; yield the port where it answers."""
    port = free_port()
    own = {"listen 8000 ": f"listen 127.0.0.1:{port} ", "server pages:8000;": f"server {pages};"}
    text = changed(OF_COMPOSE, own | {"http://sockets:8000": f"http://{sockets}"})
    around = f"pid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\n{text}}}\n"
    with _running(folder, around, port):
        yield port


@contextmanager
def _running(folder: Path, text: str, port: int) -> Iterator[None]:
    if NGINX is None:
        raise FileNotFoundError("nginx")
    folder.chmod(0o755)  # nginx's workers are another user
    (folder / "nginx.conf").write_text(text)
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def configuration(folder: Path, *, pages: str, sockets: str, changes: dict[str, str]) -> str:
    """Return the example for a folder and two addresses, changed; ValueError if it does not say what is to be changed.

    `changes` are what is written there, and what is to stand instead.
    """
    other = changes | {
        **{f"    listen [::]:{port};\n": "" for port in ("80 default_server", "443 ssl http2 default_server")},
        "/srv/tickets": str(folder),
        "/run/nginx.pid": f"{folder}/pid",
        "/var/log/nginx": f"{folder}/log",
        "/var/cache/nginx/tickets": f"{folder}/cache",
        " buffer=64k flush=5s": "",
        **{f"{machine}:8001": pages for machine in ("10.0.0.11", "10.0.0.12")},
        **{f"{machine}:8002": sockets for machine in ("10.0.0.11", "10.0.0.12")},
    }
    return changed(EXAMPLE, other)


def changed(example: Path, changes: dict[str, str]) -> str:
    """Return the text of an example with these changes; ValueError if it does not say what is to be changed."""
    text = example.read_text()
    for written, used in changes.items():
        if written not in text:
            raise ValueError(f"{example.name} does not say {written!r}")
        text = text.replace(written, used)
    return text


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
