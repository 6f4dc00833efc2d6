"""How long an answer may still take: set where a request comes in, kept by whatever waits for the database."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

ANSWER_WITHIN = 5.0  # seconds: waits that are each short enough may follow one another
LEAST = 1.0  # seconds that remain for the next thing in any case: staff may do much at once
_until: ContextVar[float] = ContextVar("until", default=math.inf)  # monotonic
_is_unlimited: ContextVar[bool] = ContextVar("is_unlimited", default=False)


@contextmanager
def answering_within(seconds: float = ANSWER_WITHIN) -> Iterator[None]:
    """Let what the block waits for end within so many seconds, all in all."""
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


@contextmanager
def unhurried() -> Iterator[None]:
    """Let the block take its time, but for what each thing by itself may take.

    For work that is for others too: whoever gave it up half-way would make the next one begin it anew, and give it up.
    """
    token = _until.set(math.inf)
    try:
        yield
    finally:
        _until.reset(token)


@contextmanager
def unlimited() -> Iterator[None]:
    """Let each thing of the block take as long as it takes: a backup counts large tables."""
    token = _is_unlimited.set(True)
    try:
        yield
    finally:
        _is_unlimited.reset(token)


def is_unlimited() -> bool:
    """Return whether nothing is to be given up."""
    return _is_unlimited.get()


def seconds_left(most: float) -> float:
    """Return how long the next thing may take, which would by itself be given so many seconds at most."""
    return min(most, max(_until.get() - time.monotonic(), LEAST))
