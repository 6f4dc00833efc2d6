"""Let the database itself refuse to change the ledger."""

from django.db import migrations

from ._by_database import by_database

POSTGRESQL = (
    """
    CREATE FUNCTION core_ledger_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$
    """,
    """
    CREATE TRIGGER ledger_stays BEFORE UPDATE OR DELETE ON core_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION core_ledger_stays()
    """,
)
POSTGRESQL_BACK = ("DROP TRIGGER ledger_stays ON core_ledgerentry", "DROP FUNCTION core_ledger_stays()")
# Not DELETE: `flush`, and with it every test of races, empties tables by it on SQLite. A gap is seen by the verifier.
SQLITE = (
    """
    CREATE TRIGGER ledger_stays BEFORE UPDATE ON core_ledgerentry
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
)
SQLITE_BACK = ("DROP TRIGGER ledger_stays",)


class Migration(migrations.Migration):
    dependencies = [("core", "0004_secrets_of_events")]
    operations = [
        by_database(
            {"postgresql": POSTGRESQL, "sqlite": SQLITE}, {"postgresql": POSTGRESQL_BACK, "sqlite": SQLITE_BACK}
        )
    ]
