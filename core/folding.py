"""Letters compared without regard to case and accents, alike on both databases.

As in `filter(name__folded__contains=fold("malaga"))`.
"""

import re
import unicodedata
from typing import Any

from django.db.backends.signals import connection_created
from django.db.models import CharField, Transform
from django.dispatch import receiver

MARKS = "[\u0300-\u036f\u064b-\u065f]"  # accents of Latin, Greek and Cyrillic letters; vowels and hamzas of Arabic ones


def fold(text: str) -> str:
    """Return a text without case and accents."""
    return re.sub(MARKS, "", unicodedata.normalize("NFD", text)).lower()


@CharField.register_lookup
class Folded(Transform):
    """A column of text without case and accents, as `fold` has it."""

    lookup_name = "folded"
    function = "FOLD"  # of SQLite: `fold` itself

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Fold in SQL: https://www.postgresql.org/docs/current/functions-string.html#FUNCTIONS-STRING-OTHER."""
        template = f"LOWER(REGEXP_REPLACE(NORMALIZE(%(expressions)s, NFD), '{MARKS}', '', 'g'))"
        return self.as_sql(compiler, connection, template=template, **context)


@receiver(connection_created)
def _lend_fold(connection: Any, **_kwargs: Any) -> None:
    if connection.vendor == "sqlite":
        connection.connection.create_function("FOLD", 1, fold, deterministic=True)
