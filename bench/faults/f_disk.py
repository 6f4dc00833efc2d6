"""Faults of the database's disk: it is full."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.common import throwaway
from bench.faults.cluster import running_cluster
from bench.faults.probe import seconds_until_good
from bench.faults.report import Fault, Report
from bench.faults.site import running_site
from bench.visits import BUSY

SIZE = "200m"
PIECE = bytes(64 * 1024)
FULL_FOR, BEFORE = 3.0, 1.0  # seconds


def full(report: Report, quick: bool) -> None:
    """F6: the disk with the database's files is full for some seconds (its log of writes is on another one)."""
    report.provoked = f"the data directory on a tmpfs of {SIZE}, filled up by another file"
    with ExitStack() as stack:
        disk, wal = stack.enter_context(small_disk()), stack.enter_context(TemporaryDirectory(prefix="faults-"))
        with running_cluster(disk, wal=Path(wal)) as cluster, throwaway(cluster.url):
            from bench.faults import crowd  # noqa: PLC0415 -- its models need Django set up

            with running_site(cluster) as running:
                event = crowd.scene(2000)
                with crowd.selling(running, crowd.buyers(event, 400 if quick else 3000), until_end=True) as answers:
                    late, sold = [], []
                    for _ in range(1 if quick else 5):
                        time.sleep(BEFORE)
                        filler = _fill(disk)
                        time.sleep(FULL_FOR)
                        filler.unlink()
                        late.append(max(seconds_until_good(process) for process in running.web))
                        sold += crowd.sells(report, running, event)
                refused = cluster.log().count("No space left on device")
                busy = sum(answer.status == BUSY for answer in answers.result())
                report.control = f"PostgreSQL logged {refused} times that no space is left."
                report.expect(
                    refused > 0 and busy > 0, f"the disk was not full: {busy} answers 503, {refused} in the log"
                )
                report.note(f"{crowd.counted(answers.result())}; first good answer {max(late):.1f} s after it")
                report.expect_no_traces(running.traces())
                crowd.check(report, event, [*answers.result(), *sold])


@contextmanager
def small_disk() -> Iterator[Path]:
    """Mount a small file system in memory; exits with a sentence where that is not allowed."""
    with TemporaryDirectory(prefix="faults-") as name:
        mounting = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", name]
        if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True, check=False).returncode:
            sys.exit("A small disk could not be mounted: that needs root, and a container that may mount.")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


def _fill(disk: Path) -> Path:
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(PIECE) == len(PIECE):
            pass
    return filler


FAULTS = [Fault("F6", "the database's disk is full", full)]
