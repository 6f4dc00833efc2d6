"""Letters compared without regard to case and accents, as in `filter(name__folded__contains=folded("malaga"))`.

Both sides are folded by the database, so that they are alike whatever its locale is.
"""

import re
import unicodedata
from typing import Any

from django.db.backends.signals import connection_created
from django.db.models import CharField, Transform, Value
from django.dispatch import receiver

MARKS = "[\u0300-\u036f\u064b-\u065f]"  # accents of Latin, Greek and Cyrillic letters; vowels and hamzas of Arabic ones


@CharField.register_lookup
class Folded(Transform):
    """A text without case and accents."""

    lookup_name = "folded"
    function = "FOLD"  # of SQLite: `_fold`

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Fold in SQL: https://www.postgresql.org/docs/current/functions-string.html#FUNCTIONS-STRING-OTHER."""
        template = f"TRANSLATE(LOWER(REGEXP_REPLACE(NORMALIZE(%(expressions)s, NFD), '{MARKS}', '', 'g')), 'ς', 'σ')"
        return self.as_sql(compiler, connection, template=template, **context)


def folded(text: str) -> Folded:
    """Return what is looked for, to be compared with a folded column."""
    return Folded(Value(text, output_field=CharField()))


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    return re.sub(MARKS, "", unicodedata.normalize("NFD", text)).lower().replace("ς", "σ")


@receiver(connection_created)
def _lend_fold(connection: Any, **_kwargs: Any) -> None:
    if connection.vendor == "sqlite":
        connection.connection.create_function("FOLD", 1, _fold, deterministic=True)
