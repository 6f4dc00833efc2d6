"""What the environment may say, and what stops the start with a sentence. Each case is a process of its own."""

import os
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.test import SimpleTestCase

SHOW = "from django.conf import settings; print({})"


def start(show: str, prepare: str = "", **environment: str) -> tuple[int, str]:
    """Read the settings in a new process; return its exit code, and the last line it said."""
    base = {"SECRET_KEY": "k" * 60, "DEBUG": "off", "DATABASE_URL": "", "REDIS_URL": "", "HTTPS": ""}
    done = subprocess.run(
        [sys.executable, "-c", prepare + SHOW.format(show)],
        env=os.environ | base | {"DJANGO_SETTINGS_MODULE": "event_ticketing.settings"} | environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()[-1]


class EnvironmentTests(SimpleTestCase):
    def refused(self, sentence: str, prepare: str = "", **environment: str) -> None:
        code, said = start("settings.DEBUG", prepare, **environment)
        self.assertEqual((code, said.partition("ImproperlyConfigured: ")[2]), (1, sentence))

    def test_without_a_key_and_without_debug_it_does_not_start(self) -> None:
        self.refused(
            "SECRET_KEY is not set: put a long random value into .env (`make run` writes one) or set DEBUG=on.",
            SECRET_KEY="",
        )

    def test_nonsense_stops_the_start(self) -> None:
        cases: dict[str, dict[str, Any]] = {
            "HTTPS must be on or off, not 'onn'.": {"HTTPS": "onn"},
            "DEBUG must be on or off, not 'ja'.": {"DEBUG": "ja"},
            "HOLD_MINUTES must be a number, not 'ten'.": {"HOLD_MINUTES": "ten"},
            "HOLD_MINUTES must be at least 0.01, not 0.": {"HOLD_MINUTES": "0"},
            "REDIS_URL must be an address such as redis://127.0.0.1:6379/0.": {"REDIS_URL": "nonsense"},
        }
        for sentence, environment in cases.items():
            with self.subTest(environment=environment):
                self.refused(sentence, **environment)

    def test_keys_that_are_none_stop_the_start_and_not_the_first_booking(self) -> None:
        sentence = "TICKET_SIGNING_KEYS must be id:secret pairs; ids 1-255, secrets of 32 or more."
        self.refused(sentence, TICKET_SIGNING_KEYS="foo", prepare="import django; django.setup(); ")

    def test_https_is_on_unless_debug_or_switched_off(self) -> None:
        cases = [{}, {"HTTPS": "off"}, {"DEBUG": "on"}, {"DEBUG": "on", "HTTPS": "on"}]
        said = [start("(settings.HTTPS, settings.SESSION_COOKIE_SECURE)", **case)[1] for case in cases]
        self.assertEqual(said, ["(True, True)", "(False, False)", "(False, False)", "(True, True)"])

    def test_options_in_the_database_address_are_kept_and_the_isolation_is_pinned(self) -> None:
        address = "postgres://u:p@db/tickets?sslmode=verify-full"
        show = "(lambda o: (o['sslmode'], 'pool' in o, 'read\\\\ committed' in o['options']))"
        code, said = start(f"{show}(settings.DATABASES['default']['OPTIONS'])", DATABASE_URL=address)
        self.assertEqual((code, said), (0, "('verify-full', True, True)"))
