"""Several steps, of which one that fails keeps no other from its work."""

import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

T = TypeVar("T")


def do_all(steps: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    """Do each step; return `{its name: what it returned}`.

    The first error is raised at the end, or at once where the database has gone away: no other step could do anything.
    """
    done: dict[str, T] = {}
    failed: Exception | None = None
    for name, step in steps.items():
        try:
            done[name] = step()
        except Exception as error:
            is_of_connection = isinstance(error, OperationalError | InterfaceError)
            if is_of_connection and (connection.connection is None or not connection.is_usable()):
                raise
            logger.exception("%s: failed; the rest goes on", name)
            failed = failed or error
    if failed is not None:
        raise failed
    return done
