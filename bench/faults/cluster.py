"""A PostgreSQL of our own: it may be stopped, killed, starved of connections and filled up, and nobody else notices."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.ports import free_port

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
START_SECONDS = 60
TEMPLATE = "FAULTS_TEMPLATE"  # in the environment: the files of a server in which every new database is migrated


class Cluster:
    """One server on a port of its own; what is told of it is told to `pg_ctl`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.data = folder / "data"

    @property
    def url(self) -> str:
        """Its address, with the database that every server has."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def make(self, wal: Path | None = None) -> None:
        """Make its files; those of its log of writes elsewhere, if somewhere is given."""
        template = os.environ.get(TEMPLATE)
        if template:
            _copy(template, str(self.data))
        else:
            _run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        if wal:
            subprocess.run(["mv", self.data / "pg_wal", wal], check=True)  # as whose it is
            (self.data / "pg_wal").symlink_to(wal / "pg_wal")

    def start(self, **parameters: object) -> None:
        """Start it, with parameters as `postgresql.conf` has them, and wait until it answers."""
        told = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            **parameters,
        }
        options = " ".join(f"-c {name}={value}" for name, value in told.items())
        log = str(self.folder / "log")
        _run("pg_ctl", "start", "-w", "-t", str(START_SECONDS), "-D", str(self.data), "-l", log, "-o", options)

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `fast` rolls back what is open, `immediate` is a crash."""
        _run("pg_ctl", "stop", "-w", "-t", str(START_SECONDS), "-D", str(self.data), "-m", mode)

    @property
    def is_running(self) -> bool:
        """Whether it runs, or should."""
        return (self.data / "postmaster.pid").exists()

    def log(self) -> str:
        """Return what it has logged."""
        return (self.folder / "log").read_text(errors="replace")


def _run(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, which refuse to be run by root: then by its own user."""
    found = shutil.which(program) or (PROGRAMS and str(PROGRAMS[-1] / program))
    if not found:
        sys.exit(f"{program} is not installed: the faults need a PostgreSQL server (package postgresql).")
    command = [str(found), *arguments]
    if os.geteuid() == 0:
        command = ["runuser", "-u", _owner(), "--", *command]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{program} failed: {done.stderr}")


def _owner() -> str:
    """Return whose the server is where we are root."""
    return pwd.getpwnam("postgres").pw_name


@contextmanager
def running_cluster(folder: Path | None = None, *, wal: Path | None = None, **parameters: object) -> Iterator[Cluster]:
    """Run a server until the block ends; in a `folder` that is there already (a small file system, say), or a new one.

    Its log of writes may be in another folder, `wal`.
    """
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        where = folder or Path(name)
        if os.geteuid() == 0:
            for ours in filter(None, [where, wal]):
                shutil.chown(ours, _owner())
        cluster = Cluster(where)
        cluster.make(wal)
        cluster.start(**parameters)
        try:
            yield cluster
        finally:
            if cluster.is_running:
                cluster.stop("immediate")


def _copy(files: str, to: str) -> None:
    subprocess.run(["cp", "-a", files, to], check=True)


@contextmanager
def template() -> Iterator[None]:
    """Make the files of a server once, for all that are started until the block ends: migrating takes seconds."""
    with running_cluster() as cluster:
        url = cluster.url.removesuffix("postgres") + "template1"
        told = {"DATABASE_URL": url, "REDIS_URL": "", "DEBUG": "on", "EMAIL_URL": "dummymail://"}
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, env=os.environ | told, check=True)
        cluster.stop()
        os.environ[TEMPLATE] = str(cluster.data)
        try:
            yield
        finally:
            del os.environ[TEMPLATE]
