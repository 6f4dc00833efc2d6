-- The role that serves. It reads and writes rows, and owns nothing: so it can neither drop a trigger that guards the
-- ledger and the trail, nor change or empty a table. Whoever owns the tables migrates, and nothing else.
--
--   APP_PASSWORD=<its password> psql --dbname=tickets --file=deploy/roles.sql
--
-- as a superuser (postgres), or as the owner of the database where that one may make roles; in the database of the
-- tickets, before or after its first migration, and as often as you like: what its owner's later migrations add is
-- granted to it as well. APP_ROLE is its name: tickets. docs/operations.md has more, under Roles of PostgreSQL.
\set ON_ERROR_STOP on
\set QUIET on
\set app `printf %s "${APP_ROLE:-tickets}"`
\set password `printf %s "$APP_PASSWORD"`
SELECT
  coalesce(max(tableowner), max(pg_get_userbyid(datdba))) AS owner,
  coalesce(bool_or(pg_has_role(mine.oid, datdba, 'MEMBER') OR pg_has_role(mine.oid, tableowner, 'MEMBER')), false) AS owns,
  :'password' = '' AS is_open
FROM pg_database
LEFT JOIN pg_tables ON schemaname = 'public' AND tablename = 'django_migrations'
LEFT JOIN pg_roles mine ON mine.rolname = :'app'
WHERE datname = current_database() \gset
\if :is_open
  DO $$ BEGIN RAISE 'APP_PASSWORD is missing: the password of the role that serves.'; END $$;
\endif
\if :owns
  DO $$ BEGIN RAISE 'APP_ROLE owns the tables, or may act as who does: see docs/operations.md, Roles of PostgreSQL.'; END $$;
\endif

BEGIN;
SELECT format('CREATE ROLE %I', :'app') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'app') \gexec
ALTER ROLE :"app" LOGIN NOCREATEDB NOCREATEROLE PASSWORD :'password';

-- No table of its own, not for a moment either: a trigger could take it for the one that it looks into.
GRANT USAGE, CREATE ON SCHEMA public TO :"owner";
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;

GRANT CONNECT ON DATABASE :"DBNAME" TO :"app";
REVOKE ALL ON SCHEMA public FROM :"app";
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM :"app";
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM :"app";
GRANT USAGE ON SCHEMA public TO :"app";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"app";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO :"app";
COMMIT;
\echo :app may read and write what :owner owns in :DBNAME, now and later.
