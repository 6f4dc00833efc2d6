"""Django's `changepassword`, which the audit trail tells."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword

from core.management.base import DatabaseCommand
from core.models import User
from core.trust import trail


class Command(DatabaseCommand, changepassword.Command):
    """Change a password."""

    requires_migrations_checks = False  # Django's lines about it, before the sentence

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Do what Django does, and store that it was done on the server.

        In no transaction: it would be open while somebody types, PostgreSQL ends it after 5 seconds, and on SQLite the
        sale stands still until then.
        """
        said = super().handle(*args, **options)
        person = User.objects.get(username=options["username"] or getpass.getuser())
        trail.record(trail.Action.PASSWORD_CHANGED, person=person.pk, detail="by a command on the server")
        return said
