"""A web process that is loaded once, and forked anew each time it is gone: back in milliseconds, not in seconds.

    python -m bench.faults.forked uvicorn --port 8000 ... event_ticketing.asgi:application

What is killed is the fork, which serves; each end is logged.
"""

import ctypes
import importlib
import os
import signal
import sys
from typing import Any

import uvicorn

PR_SET_PDEATHSIG = 1  # prctl(2): the fork must not outlive who would start the next one


def main() -> None:
    """Serve by forks, one after the other, for good."""
    _, _, *arguments, application = sys.argv
    importlib.import_module(application.partition(":")[0])
    serve: Any = uvicorn.main
    while True:
        pid = os.fork()
        if pid == 0:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            serve.main(args=[*arguments, application], prog_name="uvicorn")
        _, status = os.waitpid(pid, 0)
        print(f"ended by signal {os.waitstatus_to_exitcode(status)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
