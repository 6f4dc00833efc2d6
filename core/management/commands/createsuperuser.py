"""Django's `createsuperuser`, which says in a sentence why the database cannot be used."""

from django.contrib.auth.management.commands import createsuperuser

from core.management.base import DatabaseCommand


class Command(DatabaseCommand, createsuperuser.Command):
    """Make an administrator."""

    requires_migrations_checks = False  # Django's lines about it, before the sentence
