#!/bin/sh
# The monthly trial of docs/deploy-vps.md, as root: the newest backup, into a database and a folder that go again. Its
# exit code is that of `restore`, which compares and checks everything.
set -eu
cd "${TICKETS:-/srv/tickets/current}"
newest=$(ls -t "${BACKUPS:-/var/lib/tickets/backups}"/tickets-*.tar.gz | head -n 1)
media=$(mktemp -d)
as_postgres() { runuser -u postgres -- "$@"; }
trap 'rm -rf "$media"; as_postgres dropdb --if-exists --force tickets_trial' EXIT
as_postgres dropdb --if-exists --force tickets_trial
as_postgres createdb --owner=tickets_owner tickets_trial
export $(cat "${OWNER:-/etc/tickets-owner.env}")
DATABASE_URL="${DATABASE_URL%/*}/tickets_trial" MEDIA_ROOT="$media" .venv/bin/python manage.py restore "$newest"
