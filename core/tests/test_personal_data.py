"""A person's own data: all of it can be downloaded, and erased by themselves."""

from allauth.account.models import EmailAddress
from django.test import Client, TestCase
from post_office.models import Email

from core import accounts, checkin
from core.models import AuditEntry, Event, TicketHold, User
from core.tests.cast import Cast, arrive, book, join, make_event, make_person, offer
from core.tests.visits import BROWSER, JSON, redirect_of, target_of, visit
from core.trust import personal_data

PASSWORD = "first-password-1"
ERASE = "/account/privacy/erase/"
FILE = "/account/privacy/data.json"


class DownloadTests(Cast, TestCase):
    def test_every_relation_of_a_person_is_in_it(self):
        relations = {relation.get_accessor_name() for relation in User._meta.related_objects}
        self.assertEqual(relations - {None}, set(personal_data.PARTS))

    def test_it_has_what_is_theirs_and_nothing_of_others(self):
        event = make_event(auto_hold=False)
        mine, other = book(event, self.alice), book(event, self.bob)
        arrive(self.alice, address="192.0.2.4")
        answer = visit(self.alice).get(FILE)
        told = answer.json()
        self.assertEqual(told["account"]["email"], "alice@example.org")
        self.assertEqual([ticket["code"] for ticket in told["tickets"]], [mine.code])
        self.assertIn("192.0.2.4", [login["address"] for login in told["logins"]])
        text = answer.content.decode()
        for secret in (other.code, "bob", self.alice.password):
            self.assertNotIn(secret, text)
        self.assertIn("attachment", answer.headers["Content-Disposition"])
        self.assertEqual(answer.headers["Cache-Control"], "no-store")

    def test_what_became_of_their_tickets_and_was_offered_to_them_is_in_it(self):
        event = make_event(capacity=3, auto_hold=False)
        mine, bobs = book(event, self.alice), book(event, self.bob)
        EmailAddress.objects.create(user=self.alice, email=self.alice.email, verified=True)
        offer(bobs, self.alice)
        offer(mine, self.greta, by=self.olga, reason="asked by phone")
        checkin.scan(code=mine.code, event=event, staff=self.greta, gate="North")
        told = visit(self.alice).get(FILE).json()
        self.assertEqual(
            [(scan["outcome"], scan["gate"]) for scan in told["scans of your tickets"]], [("admitted", "North")]
        )
        self.assertEqual([each["ticket__event__name"] for each in told["offers to you"]], [event.name])
        self.assertEqual([each["ticket"] for each in told["offers of your tickets by staff"]], [mine.pk])
        self.assertNotIn("greta@", str(told))
        nothing = visit(self.greta).get(FILE).json()
        for part in ("scans of your tickets", "offers of your tickets by staff"):
            self.assertEqual(nothing[part], [])

    def test_from_where_logins_to_it_failed_is_in_it_and_not_where_staff_sat(self):
        done = AuditEntry.Action
        for action, actor in ((done.LOGIN_FAILED, None), (done.LOGIN_LIMITED, None), (done.ADMIN, self.olga)):
            address = "198.51.100.7" if actor else "203.0.113.9"
            AuditEntry.objects.create(action=action, actor=actor, person=self.alice, address=address)
        AuditEntry.objects.create(action=done.LOGIN_FAILED, person=self.bob, address="203.0.113.10")
        answer = visit(self.alice).get(FILE)
        failed = [(attempt["action"], attempt["address"]) for attempt in answer.json()["logins that failed"]]
        self.assertEqual(failed, [("login_failed", "203.0.113.9"), ("login_limited", "203.0.113.9")])
        for others in ("198.51.100.7", "203.0.113.10"):
            self.assertNotIn(others, answer.content.decode())

    def test_mails_are_in_it_however_their_address_was_typed(self):
        User.objects.filter(pk=self.alice.pk).update(email="Alice@Example.org")
        EmailAddress.objects.create(user=self.alice, email="A.Second@example.org")
        for address in ("Alice@Example.org", "alice@example.org", "A.Second@example.org", "bob@example.org"):
            Email.objects.create(from_email="a@example.org", to=[address], subject=address)
        told = visit(self.alice).get(FILE).json()["mails to you"]
        subjects = ["Alice@Example.org", "alice@example.org", "A.Second@example.org"]
        self.assertEqual([mail["subject"] for mail in told], subjects)
        accounts.erase_account(User.objects.get(pk=self.alice.pk))
        self.assertEqual([mail.to for mail in Email.objects.all()], [["bob@example.org"]])

    def test_a_download_is_recorded(self):
        visit(self.alice).get(FILE)
        self.assertEqual(AuditEntry.objects.get(action="data_downloaded").actor, self.alice)


class ConfirmationTests(Cast, TestCase):
    """A session that was left open must not be enough."""

    def setUp(self):
        for person in (self.alice, self.olga):
            person.set_password(PASSWORD)
            person.save()
        self.event = make_event(auto_hold=False)

    def test_an_old_login_is_asked_for_the_password_first(self):
        pages = {self.alice: [FILE], self.olga: [f"/events/{self.event.pk}/attendees.csv"]}
        for person, paths in pages.items():
            for path in paths:
                with self.subTest(path=path):
                    self.assertIn(
                        "/accounts/reauthenticate/?next=", target_of(visit(person, headers=BROWSER).get(path))
                    )
                    program = visit(person, headers=JSON).get(path)
                    self.assertEqual((program.status_code, program.json()["status"]), (403, "confirmation_needed"))
        self.assertFalse(AuditEntry.objects.exists())

    def test_whoever_types_it_is_back_on_the_page_which_has_the_file(self):
        client = visit(self.alice, headers=BROWSER)
        back = target_of(client.post(target_of(client.get(FILE)), {"password": PASSWORD}))
        self.assertEqual(back, "/account/privacy/?file=%2Faccount%2Fprivacy%2Fdata.json")
        self.assertContains(client.get(back), f'<a href="{FILE}" id="asked-for">')
        self.assertEqual(client.get(FILE).status_code, 200)

    def test_a_login_of_this_minute_is_enough(self):
        client = Client(headers=BROWSER)
        client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        self.assertEqual(client.get(FILE).status_code, 200)

    def test_an_account_is_not_erased_without_it(self):
        visit(self.alice, headers=BROWSER).post(ERASE, {"username": "alice"})
        self.assertTrue(User.objects.get(pk=self.alice.pk).is_active)


class EraseTests(Cast, TestCase):
    def test_somebody_erases_their_own_account(self):
        event, full = make_event(auto_hold=False), make_event(auto_hold=False, capacity=1)
        ticket = book(event, self.alice)
        book(full, self.bob)
        join(full, self.alice)
        client = visit(self.alice, headers=BROWSER)
        answer = client.post(ERASE, {"username": "alice"})
        self.assertEqual(redirect_of(answer)[:2], (302, "/"))
        erased = User.objects.get(pk=self.alice.pk)
        self.assertEqual((erased.username, erased.email, erased.is_active), (f"erased-{erased.pk}", "", False))
        self.assertIsNotNone(event.tickets.get(pk=ticket.pk).cancelled_at)
        self.assertFalse(TicketHold.objects.unended().filter(user=erased).exists())
        self.assertEqual(client.get("/dashboard/").status_code, 302)  # nobody is logged in

    def test_another_name_erases_nothing_and_says_so(self):
        for typed in ("", "bob", "ALICE", "alice \u200b", "a" * 500):
            with self.subTest(typed=typed[:10]):
                page = visit(self.alice, headers=BROWSER).post(ERASE, {"username": typed})
                self.assertEqual(page.status_code, 400)
        self.assertTrue(User.objects.get(pk=self.alice.pk).is_active)

    def test_who_organizes_events_to_come_is_asked_to_end_them_first(self):
        event = make_event(auto_hold=False)
        answer = visit(self.olga).post(ERASE, {"username": "olga"})
        self.assertEqual(answer.status_code, 400)
        self.assertIn("Cancel them first", answer.json()["detail"])
        Event.objects.filter(pk=event.pk).update(status="cancelled")
        self.assertEqual(visit(self.olga).post(ERASE, {"username": "olga"}).json(), {"status": "erased"})

    def test_the_only_administrator_stays(self):
        root = make_person("root", is_staff=True, is_superuser=True)
        self.assertEqual(visit(root).post(ERASE, {"username": "root"}).status_code, 400)
        make_person("second", is_staff=True, is_superuser=True)
        self.assertEqual(visit(root).post(ERASE, {"username": "root"}).status_code, 200)

    def test_the_ledger_stays_as_it_was(self):
        event = make_event(auto_hold=False)
        book(event, self.alice)
        before = list(event.ledger.order_by("seq").values_list("text", "seal"))
        visit(self.alice).post(ERASE, {"username": "alice"})
        after = list(event.ledger.order_by("seq").values_list("text", "seal"))
        self.assertEqual(after[: len(before)], before)
