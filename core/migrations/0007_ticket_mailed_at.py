from typing import Any

from django.db import migrations, models
from django.db.models import F


def consider_told(apps: Any, schema_editor: Any) -> None:
    """Nobody who booked before there were confirmations is sent one now."""
    apps.get_model("core", "Ticket").objects.update(mailed_at=F("booked_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0006_reasons_of_staff"),
        ("post_office", "0014_alter_email_recipient_delivery_status_and_more"),
    ]

    operations = [
        migrations.AddField(
            model_name="ticket",
            name="mailed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.RunPython(consider_told, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                condition=models.Q(("cancelled_at", None), ("mailed_at", None)), fields=["id"], name="ticket_to_mail"
            ),
        ),
    ]
