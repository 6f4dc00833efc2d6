"""The one table of the minimal view; the benchmark makes it."""

from django.db import models


class Row(models.Model):
    """A number, and nothing else."""

    number = models.IntegerField()

    objects: "models.Manager[Row]" = models.Manager()  # the app is not among those that the type checker knows

    class Meta:
        app_label = "minimal"
        managed = False
        db_table = "bench_minimal"

    def __str__(self) -> str:
        return str(self.number)
