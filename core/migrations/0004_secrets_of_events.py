"""Give every event a seed and a key of its own: adding the columns gave all of them the same."""

import secrets
from typing import Any

from django.db import migrations


def make_secrets(apps: Any, schema_editor: Any) -> None:
    """Draw both anew for each event; its ledger is still empty."""
    events = apps.get_model("core", "Event").objects
    for event in events.only("pk").iterator():
        events.filter(pk=event.pk).update(draw_seed=secrets.token_hex(32), pseudonym_key=secrets.token_hex(32))


class Migration(migrations.Migration):
    dependencies = [("core", "0003_ledger_tiers_and_pauses")]
    operations = [migrations.RunPython(make_secrets, migrations.RunPython.noop)]
