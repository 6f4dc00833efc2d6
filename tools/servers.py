"""The two kinds of web processes of a site, chosen by figures (docs/performance.md): pages, and sockets.

Pages are served by threads (WSGI), which keep what Django would make anew for each request under ASGI; sockets by one
event loop for thousands (ASGI), in whose process the clock and the mail run too. The Dockerfile, docker-compose.yml
and the README start the same; `core/tests/test_deploy.py` compares them.
"""

THREADS = 16  # of a pages process: what is asked of one event at the same time is carried out together
PAGES = (
    f"granian --interface wsgi --host 0.0.0.0 --port 8000 --workers 2 --blocking-threads {THREADS}"
    " --respawn-failed-workers --no-ws event_ticketing.wsgi:application"
)
# No compression of frames: it costs 35 to 90 kB a socket, and messages are short. No access log: the proxy has it.
# Nobody says anything longer than a question, and whoever does is cut off while it is read (RFC 6455, code 1009).
SOCKETS = (
    "uvicorn --host 0.0.0.0 --port 8000 --ws core.frames:CountedFrames --ws-per-message-deflate false"
    " --ws-max-size 4096 --ws-max-queue 8 --ws-ping-interval 20 --ws-ping-timeout 20 --limit-concurrency 15000"
    " --timeout-graceful-shutdown 10 --no-server-header --no-access-log --log-level warning"
    " event_ticketing.asgi:application"
)


def command(kind: str, *, host: str, port: int) -> list[str]:
    """Return one of the two as arguments, for another host and port."""
    return kind.replace("--host 0.0.0.0", f"--host {host}").replace("--port 8000", f"--port {port}").split()
