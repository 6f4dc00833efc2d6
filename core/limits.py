"""What a process, or its machine, has no more of: how that is told, and said before visitors are turned away.

Each socket is an open file, of which a process may have so many and no more.
"""

import asyncio
import errno
import logging
import os
import resource

logger = logging.getLogger(__name__)

LOOK = 10.0  # seconds
NEARLY = 0.9  # of the limit
_USED_UP = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
NO_THREAD = "can't start new thread"  # Python's words, for want of memory too


def is_used_up(error: BaseException | None) -> bool:
    """Return whether an error says that there is no room on a disk, no file, no memory or no thread to be had."""
    if isinstance(error, OSError):
        return error.errno in _USED_UP
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and NO_THREAD in str(error))


async def watch() -> None:
    """Log when nearly all files are open, once until it is better, until cancelled."""
    was_near = False
    while True:
        await asyncio.sleep(LOOK)
        is_near = bool(said := near_the_limit())
        if is_near and not was_near:
            logger.warning(said)
        was_near = is_near


def near_the_limit() -> str:
    """Return in words that nearly all files are open; empty if they are not."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = _open_files(most)
    if count < NEARLY * most:
        return ""
    return f"{count} of {most} files are open: who comes next may be refused. Raise ulimit -n, or add a process."


def _open_files(most: int) -> int:
    try:
        return len(os.listdir("/dev/fd"))
    except OSError as error:
        return most if error.errno == errno.EMFILE else 0  # to look takes a file, too
