"""Processes whose clock is another one: libfaketime, unpacked where it is not installed; the system stays as it is."""

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

INSTALLED = "usr/lib/*/faketime/libfaketimeMT.so.1"
UNPACKED = Path(tempfile.gettempdir(), "faults-libfaketime")


@cache
def library() -> Path:
    """Return where the library is; fetch the package and unpack it if need be."""
    for root in (Path("/"), UNPACKED):
        if found := sorted(root.glob(INSTALLED)):
            return found[0]
    UNPACKED.mkdir(exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", "-qq", "libfaketime"], cwd=UNPACKED, check=True, capture_output=True)
        [package] = UNPACKED.glob("libfaketime_*.deb")
        subprocess.run(["dpkg", "-x", str(package), str(UNPACKED)], check=True, capture_output=True)
        return next(UNPACKED.glob(INSTALLED))
    except (OSError, subprocess.SubprocessError, ValueError, StopIteration) as error:
        sys.exit(f"These faults need libfaketime (package libfaketime), which cannot be had: {error}")


def off_by(spec: str) -> dict[str, Any]:
    """Return the environment of a process whose clock is off: "+120" seconds, or "-9000 x20" and 20 times as fast.

    What measures spans goes right, as it does when a clock is set.
    """
    return {"LD_PRELOAD": str(library()), "FAKETIME": spec, **_SPANS}


def told_by(file: Path) -> dict[str, Any]:
    """Return the environment of a process whose clock is off by what a file says, within a second of a change."""
    told = {"FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_CACHE_DURATION": "1"}
    return {"LD_PRELOAD": str(library()), **told, **_SPANS}


_SPANS = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
