"""How a start ends that the settings do not allow: with their sentence, and without a trace, which hides it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured


@contextmanager
def or_in_a_sentence() -> Iterator[None]:
    """End the process with exit code 1, and say what is wrong with the settings."""
    try:
        yield
    except ImproperlyConfigured as error:
        raise SystemExit(f"ImproperlyConfigured: {error}") from None
