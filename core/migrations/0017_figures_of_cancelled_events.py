"""Tell apart, in figures that are kept, what people gave up and what ended since its event was cancelled."""

from typing import Any

from django.db import migrations

WITH_EVENT = "cancelled"
KINDS = ("released", "left")  # of figures, and the states of the places that they count


def divide(apps: Any, schema_editor: Any) -> None:
    """Move what the rows that are still there bear out to a part of its own."""
    cancelled = apps.get_model("core", "Announcement").objects.filter(kind="cancelled")
    places, figures = apps.get_model("core", "TicketHold").objects, apps.get_model("core", "HourlyFigures").objects
    for event, at in cancelled.values_list("event", "created_at"):
        hour = at.replace(minute=0, second=0, microsecond=0)
        for kind in KINDS:
            ended = places.filter(event=event, status=kind, ended_at=at).count()
            kept = figures.filter(event=event, hour=hour, kind=kind, part="").first()
            if kept is None or not ended:
                continue
            figures.create(event_id=event, hour=hour, kind=kind, part=WITH_EVENT, count=min(ended, kept.count))
            kept.count -= min(ended, kept.count)
            kept.save(update_fields=["count"]) if kept.count else kept.delete()


def join(apps: Any, schema_editor: Any) -> None:
    """Add it up again."""
    figures = apps.get_model("core", "HourlyFigures").objects
    for one in figures.filter(kind__in=KINDS, part=WITH_EVENT):
        hour = {"event_id": one.event_id, "hour": one.hour, "kind": one.kind, "part": ""}
        rest, _ = figures.get_or_create(**hour, defaults={"count": 0})
        rest.count += one.count
        rest.save(update_fields=["count"])
        one.delete()


class Migration(migrations.Migration):
    dependencies = [("core", "0016_deeds_in_the_trail")]
    operations = [migrations.RunPython(divide, join)]
