-- The role that serves. It reads and writes rows, and owns nothing: so it can neither drop a trigger that guards the
-- ledger and the trail, nor change or empty a table. Whoever owns the tables migrates, and nothing else.
--
--   APP_PASSWORD=<its password> psql --dbname=tickets --file=deploy/roles.sql
--
-- as whoever may make roles (postgres), in the database of the tickets, before or after its first migration, and as
-- often as you like: what later migrations add is granted to it as well. APP_ROLE is its name: tickets.
\set ON_ERROR_STOP on
\set QUIET on
\set app tickets
\getenv app APP_ROLE
\getenv password APP_PASSWORD
\if :{?password}
\else
  DO $$ BEGIN RAISE 'APP_PASSWORD is missing: the password of the role that serves.'; END $$;
\endif
SELECT coalesce(
  (SELECT tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename = 'django_migrations'),
  (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database())
) AS owner \gset
SELECT :'owner' = :'app' AS owns \gset
\if :owns
  DO $$ BEGIN RAISE 'APP_ROLE owns the tables: name another one, which will serve.'; END $$;
\endif

BEGIN;
SELECT format('CREATE ROLE %I', :'app') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'app') \gexec
ALTER ROLE :"app" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';

-- No table of its own, not for a moment either: a trigger could take it for the one that it looks into.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;

GRANT CONNECT ON DATABASE :"DBNAME" TO :"app";
GRANT USAGE ON SCHEMA public TO :"app";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"app";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO :"app";
COMMIT;
