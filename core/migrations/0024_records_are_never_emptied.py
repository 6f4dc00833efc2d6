"""Let PostgreSQL refuse to empty the ledger and the audit trail as well: TRUNCATE asks no trigger of rows."""

from django.db import migrations

from ._by_database import by_database

TABLES = ("core_ledgerentry", "core_auditentry")
FORWARDS = (
    """
    CREATE FUNCTION core_never_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION USING
        MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    *(
        f"""
        CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION core_never_emptied()
        """
        for table in TABLES
    ),
)
BACKWARDS = (*(f"DROP TRIGGER never_emptied ON {table}" for table in TABLES), "DROP FUNCTION core_never_emptied()")


class Migration(migrations.Migration):
    dependencies = [("core", "0023_gate_seen_in_the_trail")]
    operations = [by_database({"postgresql": FORWARDS, "sqlite": ()}, {"postgresql": BACKWARDS, "sqlite": ()})]
