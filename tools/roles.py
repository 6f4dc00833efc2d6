"""The role that serves on PostgreSQL, made by `deploy/roles.sql` as an operator makes it: for tests and faults."""

import os
import secrets
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

SCRIPT = Path(__file__).resolve().parent.parent / "deploy/roles.sql"


def serving(url: str, role: str) -> str:
    """Make the role for a database, or grant it again what it needs; return the database's address by it.

    `url` is the address by a superuser. Needs psql. Raises CalledProcessError.
    """
    password = secrets.token_hex(16)
    own = os.environ | {"APP_ROLE": role, "APP_PASSWORD": password}
    command = ["psql", f"--dbname={url}", "--no-psqlrc", f"--file={SCRIPT}"]
    subprocess.run(command, env=own, check=True, stdout=subprocess.DEVNULL)
    parts = urlsplit(url)
    return parts._replace(netloc=f"{role}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()
