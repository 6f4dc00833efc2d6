from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.db.models import F


def consider_let_in(apps: Any, schema_editor: Any) -> None:
    """Whoever was admitted before is in, and every scan was recorded when it was made."""
    scans = apps.get_model("core", "Scan").objects
    scans.update(recorded_at=F("scanned_at"))
    scans.filter(outcome="admitted").update(let_in=True)


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0007_ticket_mailed_at"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="scan",
            name="scan_admits_once",
        ),
        migrations.AddField(
            model_name="event",
            name="gate_staff",
            field=models.ManyToManyField(blank=True, related_name="gate_events", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="scan",
            name="by_name",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="scan",
            name="is_offline",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="scan",
            name="let_in",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="scan",
            name="recorded_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AddField(
            model_name="scan",
            name="undo_reason",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="scan",
            name="undone_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="scan",
            name="undone_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="undone_scans",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunPython(consider_let_in, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="scan",
            index=models.Index(fields=["event", "recorded_at"], name="scan_of_event"),
        ),
        migrations.AddIndex(
            model_name="scan",
            index=models.Index(fields=["staff", "event", "recorded_at"], name="scan_of_staff"),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                condition=models.Q(("checked_in_at__isnull", False)), fields=["event"], name="ticket_admitted"
            ),
        ),
        migrations.AddConstraint(
            model_name="scan",
            constraint=models.UniqueConstraint(
                condition=models.Q(("outcome", "admitted"), ("undone_at", None)),
                fields=("ticket",),
                name="scan_admits_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="scan",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("outcome", "admitted"), _negated=True), ("let_in", True), _connector="OR"),
                name="scan_admitted_is_let_in",
            ),
        ),
    ]
