"""What staff look for again and again in the admin's lists."""

from django.db import models
from django.utils import timezone

from .people import User


class SavedFilter(models.Model):
    """A list of the admin, filtered and sorted as one person left it, under a name of theirs."""

    user = models.ForeignKey(User, related_name="saved_filters", on_delete=models.PROTECT)
    model = models.CharField(max_length=100)  # whose list it is, as in `core.event`
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)  # of the list's address
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "model", "name"], name="saved_filter_once")]

    def __str__(self) -> str:
        return self.name
