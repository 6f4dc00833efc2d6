"""What the environment may say, and what stops the start with a sentence. Each case is a process of its own."""

import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from itertools import product
from typing import Any

from django.conf import settings
from django.test import SimpleTestCase, override_settings

from core.push import keys
from event_ticketing.environment import P256_ORDER
from tools.ports import free_port

SHOW = "from django.conf import settings; print({})"


def said_by(command: list[str], **environment: str) -> tuple[int, list[str]]:
    """Run a command; return its exit code, and the lines that it said."""
    base = {"SECRET_KEY": "k" * 60, "DEBUG": "off", "DATABASE_URL": "", "REDIS_URL": "", "HTTPS": ""}
    done = subprocess.run(
        command,
        env=os.environ | base | {"DJANGO_SETTINGS_MODULE": "event_ticketing.settings"} | environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()


def start(show: str, prepare: str = "", **environment: str) -> tuple[int, str]:
    """Read the settings in a new process; return its exit code, and the last line it said."""
    code, lines = said_by([sys.executable, "-c", prepare + SHOW.format(show)], **environment)
    return code, lines[-1]


class EnvironmentTests(SimpleTestCase):
    def refused(self, sentence: str, prepare: str = "", **environment: str) -> None:
        code, said = start("settings.DEBUG", prepare, **environment)
        self.assertEqual((code, said.partition("ImproperlyConfigured: ")[2]), (1, sentence))

    def test_without_a_key_and_without_debug_it_does_not_start(self) -> None:
        self.refused(
            "SECRET_KEY is not set: put a long random value into .env (`make run` writes one) or set DEBUG=on.",
            SECRET_KEY="",
        )

    def test_links_in_mails_lead_where_make_run_says_that_the_site_is(self) -> None:
        for port, said in (("", "8000"), ("9000", "9000")):
            show = f"settings.SITE_URL == f'http://{{run.HOST}}:{said}/'"
            self.assertEqual(start(show, "from tools import run; ", DEBUG="on", PORT=port, SITE_URL=""), (0, "True"))

    def test_our_guess_of_where_the_site_is_counts_with_https_alone(self) -> None:
        for said, https, is_known in (("", "off", False), ("", "on", True), ("http://box.lan", "off", True)):
            known = start("settings.SITE_URL_IS_KNOWN", DEBUG="on", HTTPS=https, SITE_URL=said)
            self.assertEqual(known, (0, str(is_known)))

    def test_a_key_that_can_be_guessed_stops_the_start(self) -> None:
        sentence = "SECRET_KEY is too short to be a secret: use at least 50 random characters."
        self.refused(sentence, SECRET_KEY="k" * 49)

    def test_nonsense_stops_the_start(self) -> None:
        cases: dict[str, dict[str, Any]] = {
            "HTTPS must be on or off, not 'onn'.": {"HTTPS": "onn"},
            "DEBUG must be on or off, not 'ja'.": {"DEBUG": "ja"},
            "HOLD_MINUTES must be a number, not 'ten'.": {"HOLD_MINUTES": "ten"},
            "HOLD_MINUTES must be at least 0.01, not 0.": {"HOLD_MINUTES": "0"},
            "VAPID_PRIVATE_KEY must be a key as `manage.py push_key` makes one.": {"VAPID_PRIVATE_KEY": "k" * 42},
            "REDIS_URL must be an address such as redis://127.0.0.1:6379/0.": {"REDIS_URL": "nonsense"},
        }
        for sentence, environment in cases.items():
            with self.subTest(environment=environment):
                self.refused(sentence, **environment)

    def test_a_key_for_push_is_one_of_its_curve(self) -> None:
        for number in (0, P256_ORDER, 2**256 - 1):
            key = urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")
            self.refused("VAPID_PRIVATE_KEY must be a key as `manage.py push_key` makes one.", VAPID_PRIVATE_KEY=key)
        for number in (1, P256_ORDER - 1):
            key = urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")
            self.assertEqual(start("settings.VAPID_PRIVATE_KEY", VAPID_PRIVATE_KEY=key), (0, key))
            with override_settings(VAPID_PRIVATE_KEY=key):
                self.assertEqual(len(keys.public_key()), 87)

    def test_keys_that_are_none_stop_the_start_and_not_the_first_booking(self) -> None:
        sentence = "TICKET_SIGNING_KEYS must be id:secret pairs; ids 1-255, secrets of 32 or more."
        self.refused(sentence, TICKET_SIGNING_KEYS="foo", prepare="import django; django.setup(); ")

    def test_a_command_and_both_kinds_of_servers_say_one_sentence_and_no_trace(self) -> None:
        cases = {
            "TICKET_SIGNING_KEYS must be id:secret pairs; ids 1-255, secrets of 32 or more.": {
                "TICKET_SIGNING_KEYS": f"k1:{'x' * 32}"
            },
            "HOLD_MINUTES must be a number, not 'ten'.": {"HOLD_MINUTES": "ten"},
        }
        starts = (
            [sys.executable, "manage.py", "audit_capacity"],
            [sys.executable, "-c", "import event_ticketing.wsgi"],
            [sys.executable, "-m", "uvicorn", "--port", str(free_port()), "event_ticketing.asgi:application"],
        )
        for (sentence, environment), start_up in product(cases.items(), starts):
            with self.subTest(environment=environment, start=start_up):
                done = said_by(start_up, **environment)
                self.assertEqual(done, (1, [f"ImproperlyConfigured: {sentence}"]))

    def test_https_is_on_unless_debug_or_switched_off(self) -> None:
        cases = [{}, {"HTTPS": "off"}, {"DEBUG": "on"}, {"DEBUG": "on", "HTTPS": "on"}]
        said = [start("(settings.HTTPS, settings.SESSION_COOKIE_SECURE)", **case)[1] for case in cases]
        self.assertEqual(said, ["(True, True)", "(False, False)", "(False, False)", "(True, True)"])

    def test_with_https_every_cookie_is_bound_to_the_host_and_messages_are_kept_in_theirs(self) -> None:
        names = "settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.MESSAGES_COOKIE_NAME"
        used = "__import__('event_ticketing.storage').storage.Messages.storage_classes[0].cookie_name"
        for https, prefix in (("on", "__Host-"), ("off", "")):
            said = start(f"{names}, {used}", HTTPS=https)[1].split()
            with self.subTest(https=https):
                expected = [prefix + name for name in ("sessionid", "csrftoken", "messages", "messages")]
                self.assertEqual(said, expected)

    def test_https_is_promised_for_an_hour_and_for_longer_where_the_operator_says_so(self) -> None:
        show = "[getattr(settings, 'SECURE_HSTS_' + name) for name in ('SECONDS', 'INCLUDE_SUBDOMAINS', 'PRELOAD')]"
        year = {"HSTS_SECONDS": "31536000", "HSTS_INCLUDE_SUBDOMAINS": "on", "HSTS_PRELOAD": "on"}
        cases = [{}, year, year | {"HTTPS": "off"}]
        said = [start(show, **case)[1] for case in cases]
        self.assertEqual(said, ["[3600, False, False]", "[31536000, True, True]", "[0, False, False]"])
        self.refused("HSTS_SECONDS must be at least 0, not -1.", HSTS_SECONDS="-1")

    def test_options_in_the_database_address_are_kept_and_the_isolation_is_pinned(self) -> None:
        address = "postgres://u:p@db/tickets?sslmode=verify-full"
        show = "(lambda o: (o['sslmode'], 'pool' in o, 'read\\\\ committed' in o['options']))"
        code, said = start(f"{show}(settings.DATABASES['default']['OPTIONS'])", DATABASE_URL=address)
        self.assertEqual((code, said), (0, "('verify-full', True, True)"))

    def test_what_is_watched_stops_the_start_when_it_is_nonsense(self) -> None:
        self.refused("METRICS_TOKEN is too short to be a secret: use 20 characters or more.", METRICS_TOKEN="short")
        self.refused("LOG_FORMAT must be line or json, not 'xml'.", LOG_FORMAT="xml")
        self.refused("METRICS_DIR must be a folder that can be written: Not a directory.", METRICS_DIR="/dev/null/x")


class IsolationTests(SimpleTestCase):
    def check(self, level: int) -> tuple[int, bool]:
        """Return the exit code of the system checks with an isolation level, and whether they name it."""
        url = f"postgres://nobody@127.0.0.1:1/tickets?isolation_level={level}"
        environment = os.environ | {"SECRET_KEY": "k" * 60, "DATABASE_URL": url}
        command = [sys.executable, "manage.py", "check"]
        done = subprocess.run(
            command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
        )
        return done.returncode, "core.E001" in done.stderr

    def test_only_read_committed_starts(self) -> None:
        read_committed, repeatable_read, serializable = 2, 3, 4
        self.assertEqual(self.check(read_committed), (0, False))
        self.assertEqual(self.check(repeatable_read), (1, True))
        self.assertEqual(self.check(serializable), (1, True))

    def test_no_server_starts_with_another_one_either(self) -> None:
        sentence = "The database must be used with READ COMMITTED isolation. Take isolation_level out of DATABASE_URL."
        for kind in ("asgi", "wsgi"):
            with self.subTest(kind=kind):
                prepare = f"import event_ticketing.{kind}; "
                url = "postgres://nobody@127.0.0.1:1/tickets?isolation_level={}"
                code, said = start("settings.DEBUG", prepare, DATABASE_URL=url.format(4))
                self.assertEqual((code, said.partition("ImproperlyConfigured: ")[2]), (1, sentence))
                self.assertEqual(start("settings.DEBUG", prepare, DATABASE_URL=url.format(2))[0], 0)
