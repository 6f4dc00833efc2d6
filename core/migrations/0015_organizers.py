"""Make the group whose members may make events."""

from typing import Any

from django.db import migrations


def make_group(apps: Any, schema_editor: Any) -> None:
    """Create the group; one that exists stays as it is."""
    apps.get_model("auth", "Group").objects.get_or_create(name="organizers")


class Migration(migrations.Migration):
    dependencies = [("core", "0014_analytics")]
    operations = [
        # Going back keeps the group: its members are somebody's work.
        migrations.RunPython(make_group, migrations.RunPython.noop),
    ]
