"""Let SQLite refuse to delete from the ledger and the audit trail, as PostgreSQL does."""

from django.db import migrations

from ._by_database import by_database

TABLES = ("core_ledgerentry", "core_auditentry")
FORWARDS = tuple(
    f"""
    CREATE TRIGGER {table}_never_emptied BEFORE DELETE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
    """
    for table in TABLES
)
BACKWARDS = tuple(f"DROP TRIGGER {table}_never_emptied" for table in TABLES)


class Migration(migrations.Migration):
    dependencies = [("core", "0027_what_changed_in_the_trail")]
    operations = [by_database({"postgresql": (), "sqlite": FORWARDS}, {"postgresql": (), "sqlite": BACKWARDS})]
