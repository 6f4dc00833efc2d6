"""Set up a clone with the standard library alone: a virtual environment of the pinned packages, and a `.env`."""

import hashlib
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PIP_LOG = VENV / "pip.log"

NO_VENV = (
    "This Python cannot make a virtual environment: install its venv module"
    " (Debian and Ubuntu: sudo apt-get install python3-venv) and run make again."
)
NO_PACKAGES = (
    "The packages of {name} could not be installed: check the network and run make again"
    " (pip's own words are in {log})."
)


def make_venv() -> None:
    """Make `.venv`, unless a good one is there; exit with a sentence where that is impossible."""
    usable = [str(PYTHON), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]
    if PYTHON.exists() and not subprocess.run(usable, capture_output=True, check=False).returncode:
        return
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, check=False)
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)  # what is left has no pip
        sys.exit(NO_VENV)


def install(requirements: Path) -> None:
    """Install exactly what a file pins, unless that was done already; exit with a sentence when it fails."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    stamp = VENV / f"{requirements.name}.sha256"
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    make_venv()
    print(f"Installing the packages of {requirements.name} into .venv (a minute or two) ...", flush=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--log", str(PIP_LOG)]
    if subprocess.run([*pip, "--require-hashes", "-r", str(requirements)], capture_output=True, check=False).returncode:
        sys.exit(NO_PACKAGES.format(name=requirements.name, log=PIP_LOG.relative_to(ROOT)))
    stamp.write_text(digest)


def write_env(path: Path) -> None:
    """Write settings for development with a key of their own, unless there are settings already."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(
            f"# For development; .env.example lists every setting.\nSECRET_KEY={secrets.token_urlsafe(48)}\nDEBUG=on\n"
        )


if __name__ == "__main__":
    install(ROOT / sys.argv[1])
    write_env(ROOT / ".env")
