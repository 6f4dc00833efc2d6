"""Files of events that somebody has uploaded and is yet to confirm."""

from typing import Any

from django.db import models
from django.utils import timezone

from .people import User


class EventImport(models.Model):
    """What a file of events had in it, row by row, from its preview until it is confirmed or forgotten.

    `rows` are `[number of the row in the file, {column: text}]`: they are checked anew when they are confirmed.
    """

    by = models.ForeignKey(User, related_name="imports", on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    file_name = models.CharField(max_length=100)
    rows: Any = models.JSONField(default=list)
    done_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.file_name} of {self.at:%Y-%m-%d %H:%M}"
