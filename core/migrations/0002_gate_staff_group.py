"""Make the group whose members may scan every published event (rule 24)."""

from typing import Any

from django.db import migrations


def make_group(apps: Any, schema_editor: Any) -> None:
    """Create the group; one that exists stays as it is."""
    apps.get_model("auth", "Group").objects.get_or_create(name="gate staff")


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]
    # Going back keeps the group: its members are somebody's work.
    operations = [migrations.RunPython(make_group, migrations.RunPython.noop)]
