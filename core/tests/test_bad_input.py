import sys
from itertools import product

from django.conf import settings
from django.test import TestCase

from core import allocation
from core.tests.cast import Cast, make_event, make_person
from core.tests.visits import BROWSER, target_of, visit

HUGE = ("0", str(2**63 - 1), str(2**63), "9" * 400, "9" * 5000)
SENSELESS = ("-1", "1.5", "abc", "٣", "１", "1%00", "%2e%2e", "1e3", "0x1")
EVENT_PATHS = (
    "/events/{}/",
    "/api/ticket-stats/{}/",
    "/api/my-place/{}/",
    "/events/{}/calendar.ics",
    "/events/{}/picture-0a.png",
    "/embed/{}/",
    "/events/{}/attendees/",
    "/events/{}/attendees.csv",
    "/events/{}/fairness/",
    "/events/{}/fairness/ledger.txt",
)
WRITES = ("/book/{}/", "/join/{}/", "/release-hold/{}/")


class BadAddressTests(Cast, TestCase):
    def test_ids_that_are_no_event_are_404_for_everybody(self):
        make_event()
        for person, path, number in product((None, self.olga), EVENT_PATHS, HUGE + SENSELESS):
            # Where a login is needed, strangers are told so first; what Python reads no number in is no address.
            is_number = number in HUGE and len(number) <= sys.int_info.default_max_str_digits
            is_asked = person is None and is_number and ("attendees" in path or "my-place" in path)
            with self.subTest(path=path, number=number[:20], person=person):
                response = visit(person).get(path.format(number))
                self.assertEqual(response.status_code, 401 if is_asked else 404)

    def test_ids_that_are_no_event_take_no_writes(self):
        make_event()
        client = visit(self.alice)
        for path in [path.format(number) for path in WRITES for number in HUGE + SENSELESS]:
            with self.subTest(path=path[:60]):
                self.assertEqual(client.post(path).status_code, 404)

    def test_codes_that_are_no_ticket_are_404(self):
        client = visit(self.alice)
        for code in (
            "0",
            "A" * 74,
            "A" * 5000,
            "%00",
            "A%00",
            "%ED%A0%80",
            "Ticket:1:Event:x",
            "..",
            "%F0%9F%8E%AB",
            "'",
        ):
            for path in ("/ticket/{}/", "/ticket/{}/qr.png", "/ticket/{}/download/", "/ticket/{}/calendar.ics"):
                with self.subTest(code=code[:20], path=path):
                    self.assertEqual(client.get(path.format(code)).status_code, 404)
            for write in ("cancel", "transfer", "transfer/withdraw", "reissue"):
                self.assertEqual(client.post(f"/ticket/{code}/{write}/").status_code, 404)
            self.assertEqual(client.get(f"/transfers/{code}/").status_code, 404)
            for write in ("accept", "decline"):
                self.assertEqual(client.post(f"/transfers/{code}/{write}/").status_code, 404)

    def test_a_code_is_exact_in_addresses(self):
        ticket = allocation.book(event_id=make_event(auto_hold=False).pk, user=self.alice)
        client = visit(self.alice)
        paths = [f"/ticket/{code}/" for code in (ticket.code, ticket.code.lower(), f"{ticket.code}%20")]
        self.assertEqual([client.get(path).status_code for path in paths], [200, 404, 404])

    def test_senseless_queries_show_the_page_all_the_same(self):
        event = make_event()
        client = visit(self.olga)
        for value in ("-1", "0", "9" * 9, "9" * 5000, "abc", "٣", "2026-13", "0000-00", "9999-99", "%ED%A0%80"):
            pages = [f"/events/{event.pk}/{page}/?page={value}" for page in ("attendees", "fairness")]
            for path in (*pages, f"/calendar/?month={value}", f"/?q={value}"):
                with self.subTest(path=path[:60]):
                    self.assertEqual(client.get(path).status_code, 200)

    def test_a_nul_in_a_query_is_400(self):
        for path in ("/?q=%00", "/calendar/?month=%00", "/accounts/login/?next=%00", "/admin/core/event/?q=a%00"):
            with self.subTest(path=path):
                self.assertEqual(visit(self.olga, headers=BROWSER).get(path).status_code, 400)

    def test_foreign_hosts_are_400(self):
        for host in ("evil.example", "evil.example:80", "a b", "testserver:x"):
            for headers in (BROWSER, {"Accept": "application/json"}):
                with self.subTest(host=host, headers=headers):
                    self.assertEqual(visit(headers=headers | {"Host": host}).get("/").status_code, 400)

    def test_forms_that_are_too_large_or_broken_are_400(self):
        event = make_event(auto_hold=False)
        client = visit(self.alice)
        many = {f"field{n}": "" for n in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
        path = "/accounts/login/"
        codes = [
            visit().post(path, {"login": "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE}, format="text").status_code,
            visit().post(path, "a=" + "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
                         content_type="application/x-www-form-urlencoded").status_code,
            visit().post(path, many).status_code,
            visit().post(path, b"x", content_type="multipart/form-data").status_code,
        ]  # fmt: skip
        self.assertEqual(codes, [400, 400, 400, 400])
        self.assertEqual(client.post(f"/book/{event.pk}/", b"{", content_type="application/json").status_code, 200)

    def test_nobody_is_sent_to_another_site(self):
        make_person("carol", password="a long password")
        for evil in (
            "//evil.example",
            "https:evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "javascript:x",
        ):
            with self.subTest(next=evil):
                form = {"login": "carol", "password": "a long password", "next": evil}
                response = visit(headers=BROWSER).post("/accounts/login/", form)
                self.assertEqual(target_of(response), "/dashboard/")
