"""Serve the box office on this machine. One process migrates, loads the demo data and serves: it starts quickly."""

import ctypes
import logging
import os
import socket
import sys

import django
from daphne.cli import CommandLineInterface
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

HOST = "127.0.0.1"
HIGHEST_PORT = 65_535
LIBRARIES = (
    ("libpango-1.0.so.0", "libpangoft2-1.0.so.0"),
    ("libpango-1.0.dylib", "libpangoft2-1.0.dylib"),
)
NO_PANGO = (
    "Pango is missing, so tickets cannot be had as PDF: sudo apt-get install libpango-1.0-0 libpangoft2-1.0-0"
    " (macOS: brew install pango)."
)


def chosen_port() -> int:
    """Return the port that PORT names; exit with a sentence when it is none, or taken."""
    text = os.environ.get("PORT") or "8000"
    if not (text.isdecimal() and 0 < int(text) <= HIGHEST_PORT):
        sys.exit(f"PORT must be a number from 1 to {HIGHEST_PORT}, not {text!r}: try PORT=8001 make run.")
    port = int(text)
    with socket.socket() as probe:
        # A server that has just stopped is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            other = max(8001, port % HIGHEST_PORT + 1)
            sys.exit(f"Port {port} cannot be used ({error.strerror}): try PORT={other} make run.")
    return port


def has_pango() -> bool:
    """Return whether the libraries that draw PDFs are there (importing WeasyPrint would cost a second)."""
    return any(all(map(_loads, names)) for names in LIBRARIES)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def prepare() -> int:
    """Migrate, with `DEBUG` load the demo data, and return the port; exit with a sentence if need be."""
    try:
        django.setup()
        port = chosen_port()
        call_command("migrate", verbosity=0)
        if settings.DEBUG:
            call_command("demo_data")
        connections.close_all()
    except ImproperlyConfigured as error:
        sys.exit(f"A setting is wrong: {error}")
    except CommandError as error:
        sys.exit(f"The database could not be prepared: {error}")
    except OperationalError as error:
        sys.exit(f"The database named by DATABASE_URL cannot be used: {error}")
    return port


def main() -> None:
    """Prepare, say where to look, and serve until Ctrl-C."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "event_ticketing.settings")
    port = prepare()
    if not has_pango():
        print(NO_PANGO)
    logging.getLogger("daphne").setLevel(logging.WARNING)
    print(f"Open http://{HOST}:{port} (Ctrl-C stops).", flush=True)
    # -v 0: without a line for each request, what the application has to say can be seen.
    CommandLineInterface().run(["-v", "0", "-b", HOST, "-p", str(port), "event_ticketing.asgi:application"])


if __name__ == "__main__":
    main()
