"""Let the database itself refuse to change the audit trail, but for addresses that are forgotten."""

from django.db import migrations

from ._by_database import by_database

COLUMNS = ("id", "at", "action", "actor_id", "person_id", "event_id", "subject", "detail")
POSTGRESQL = (
    f"""
    CREATE FUNCTION core_audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'UPDATE' AND NEW.address = ''
        AND ({", ".join(f"NEW.{name}" for name in COLUMNS)})
        IS NOT DISTINCT FROM ({", ".join(f"OLD.{name}" for name in COLUMNS)})
      THEN RETURN NEW; END IF;
      RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON core_auditentry
    FOR EACH ROW EXECUTE FUNCTION core_audit_stays()
    """,
)
POSTGRESQL_BACK = ("DROP TRIGGER audit_stays ON core_auditentry", "DROP FUNCTION core_audit_stays()")
# Not DELETE: `flush`, and with it every test of races, empties tables by it on SQLite.
SQLITE = (
    f"""
    CREATE TRIGGER audit_stays BEFORE UPDATE ON core_auditentry
    WHEN NEW.address <> '' OR {" OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in COLUMNS)}
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END
    """,
)
SQLITE_BACK = ("DROP TRIGGER audit_stays",)


class Migration(migrations.Migration):
    dependencies = [("core", "0011_audit_trail")]
    operations = [
        by_database(
            {"postgresql": POSTGRESQL, "sqlite": SQLITE}, {"postgresql": POSTGRESQL_BACK, "sqlite": SQLITE_BACK}
        )
    ]
