"""Whom to tell of a weakness: `/.well-known/security.txt`, as RFC 9116 has it, where an operator named somebody."""

import datetime as dt
from urllib.parse import urlsplit

from django.test import SimpleTestCase
from django.utils import timezone

from .visits import visit

ADDRESS = "/.well-known/security.txt"
YEAR = dt.timedelta(days=365)


class SecurityTxtTests(SimpleTestCase):
    def fields(self, contact: str) -> list[tuple[str, str]]:
        """Return `(name, value)` of each line of the file, where this is what the operator wrote."""
        with self.settings(SECURITY_CONTACT=contact):
            response = visit().get(ADDRESS)
        self.assertEqual((response.status_code, response.headers["Content-Type"]), (200, "text/plain; charset=utf-8"))
        text = response.content.decode()
        self.assertTrue(text.endswith("\n"))
        pairs = [line.partition(": ") for line in text.splitlines()]
        self.assertTrue(all(value.strip() for _, _, value in pairs), text)
        return [(name, value) for name, _, value in pairs]

    def test_the_contact_is_an_address_that_programs_can_follow(self) -> None:
        for written, told in (
            ("security@example.org", "mailto:security@example.org"),
            ("mailto:security@example.org", "mailto:security@example.org"),
            ("https://example.org/report", "https://example.org/report"),
            ("tel:+44-1632-960001", "tel:+44-1632-960001"),
        ):
            with self.subTest(written=written):
                contacts = [value for name, value in self.fields(written) if name == "Contact"]
                self.assertEqual(contacts, [told])
                self.assertIn(urlsplit(contacts[0]).scheme, {"mailto", "https", "tel"})

    def test_it_expires_once_in_the_future_and_within_a_year(self) -> None:
        [expires] = [value for name, value in self.fields("a@example.org") if name == "Expires"]
        self.assertRegex(expires, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")  # RFC 3339, as the RFC asks
        moment = dt.datetime.fromisoformat(expires)
        self.assertTrue(timezone.now() + dt.timedelta(days=30) < moment < timezone.now() + YEAR, expires)

    def test_it_has_no_field_twice_and_none_that_the_rfc_does_not_know(self) -> None:
        names = [name for name, _ in self.fields("a@example.org")]
        self.assertEqual(sorted(names), ["Contact", "Expires", "Preferred-Languages"])

    def test_where_nobody_is_named_there_is_none(self) -> None:
        with self.settings(SECURITY_CONTACT=""):
            self.assertEqual(visit().get(ADDRESS).status_code, 404)
