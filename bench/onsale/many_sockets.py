"""Five and ten thousand open dashboards, where memory and the limit of open files allow."""

import resource

from bench.load import PROCESSES
from bench.onsale import sockets
from bench.onsale.run import Run

SIZES = (5_000, 10_000)
OTHER_FILES = 500


def play(run: Run) -> None:
    """Measure each size that this machine has room for."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    for size in SIZES:
        shares = min(PROCESSES, len(run.site.sockets))
        if size / shares + OTHER_FILES < most:
            sockets.measure(run, size)
