"""Keep in the audit trail what a field of an event was and became; the database refuses to change that as well."""

from django.db import migrations, models

from ._by_database import by_database

POSTGRESQL = """
    CREATE TRIGGER audit_changes_stay BEFORE UPDATE ON core_auditentry FOR EACH ROW
    WHEN (NEW.changes IS DISTINCT FROM OLD.changes) EXECUTE FUNCTION core_never_emptied()
"""  # the function of 0024, which says that the table is append-only
POSTGRESQL_BACK = "DROP TRIGGER audit_changes_stay ON core_auditentry"
SQLITE = """
    CREATE TRIGGER audit_changes_stay BEFORE UPDATE ON core_auditentry WHEN NEW.changes IS NOT OLD.changes
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END
"""
SQLITE_BACK = "DROP TRIGGER audit_changes_stay"


class Migration(migrations.Migration):
    dependencies = [("core", "0026_long_pauses")]
    operations = [
        migrations.AddField(model_name="auditentry", name="changes", field=models.JSONField(null=True)),
        by_database(
            {"postgresql": [POSTGRESQL], "sqlite": [SQLITE]},
            {"postgresql": [POSTGRESQL_BACK], "sqlite": [SQLITE_BACK]},
        ),
    ]
