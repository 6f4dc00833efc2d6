"""When what runs beside the requests last ran."""

from django.db import models


class LastRun(models.Model):
    """The last time that some work was done, by whichever process."""

    class Work(models.TextChoices):
        CLEANUP = "cleanup"
        CLOCK = "clock"
        MAIL = "mail"
        FIGURES = "figures"  # whose moment is the end of the last hour that is kept

    work = models.CharField(max_length=20, choices=Work.choices, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.work} at {self.at:%Y-%m-%d %H:%M:%S}"
