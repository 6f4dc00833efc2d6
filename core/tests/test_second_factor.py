"""Two-factor login: anybody may have it; staff must where it is required, and are told how."""

import json
import re
from typing import Any

from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from asgiref.sync import sync_to_async
from django.test import Client, TestCase, TransactionTestCase, override_settings

from core.models import AuditEntry
from core.tests.cast import Cast, CastOfRaces, book, make_event, make_person
from core.tests.sockets import SocketCase
from core.tests.test_bad_logins import links
from core.tests.visits import BROWSER, JSON, target_of, visit

PASSWORD = "first-password-1"
SETUP = "/accounts/2fa/"


def code_of(secret: str) -> str:
    """Return what an authenticator app shows now."""
    code: str = format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
    return code


def used_factor(client: Client, person: Any) -> Client:
    """Let a client's login count as made with a second factor."""
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "at": 0, "type": "totp"}]
    session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(person.pk)
    session.save()
    return client


@override_settings(MFA_TOTP_TOLERANCE=1)  # a test may go on into the next half minute
class LoginTests(Cast, TestCase):
    def setUp(self):
        self.alice.set_password(PASSWORD)
        self.alice.save()
        self.secret = generate_totp_secret()
        TOTP.activate(self.alice, self.secret)
        self.client = Client(headers=BROWSER)

    def log_in(self, name: str = "alice") -> Any:
        return self.client.post("/accounts/login/", {"login": name, "password": PASSWORD})

    def is_in(self) -> bool:
        return self.client.get("/dashboard/").status_code == 200

    def test_the_password_alone_does_not_log_in(self):
        for name in ("alice", "ALICE", "alice@example.org"):
            with self.subTest(name=name):
                self.assertEqual(target_of(self.log_in(name)), f"{SETUP}authenticate/")
                self.assertFalse(self.is_in())

    def test_the_password_and_the_code_of_the_app_do(self):
        self.log_in()
        self.client.post(f"{SETUP}authenticate/", {"code": code_of(self.secret)})
        self.assertTrue(self.is_in())

    def test_a_code_is_good_once(self):
        code = code_of(self.secret)
        for client in (self.client, Client(headers=BROWSER)):
            self.client = client
            self.log_in()
            self.client.post(f"{SETUP}authenticate/", {"code": code})
        self.assertFalse(self.is_in())

    @override_settings(ACCOUNT_RATE_LIMITS=False)
    def test_a_new_password_by_mail_does_not_pass_by_it(self):
        EmailAddress.objects.create(user=self.alice, email=self.alice.email, verified=True, primary=True)
        self.client.post("/accounts/password/reset/", {"email": self.alice.email})
        [link] = links("password/reset/key")
        new = "quite-another-password-2"
        self.client.post(target_of(self.client.get(link)), dict.fromkeys(("password1", "password2"), new))
        self.assertFalse(self.is_in())
        login = self.client.post("/accounts/login/", {"login": "alice", "password": new})
        self.assertEqual((target_of(login), self.is_in()), (f"{SETUP}authenticate/", False))

    def test_recovery_codes_have_eight_digits_and_those_of_apps_six(self):
        codes = RecoveryCodes.activate(self.alice).get_unused_codes()
        self.assertEqual([code for code in codes if not re.fullmatch(r"\d{8}", code)], [])
        self.assertEqual(len(set(codes)), 10)
        self.assertRegex(code_of(self.secret), r"^\d{6}$")

    def test_a_recovery_code_that_was_used_is_told_to_whom_it_belongs_and_a_code_of_an_app_is_not(self):
        spent, *_ = RecoveryCodes.activate(self.alice).get_unused_codes()
        for code, count in ((code_of(self.secret), 0), (spent, 1)):
            self.client = visit(headers=BROWSER)
            self.log_in()
            self.client.post(f"{SETUP}authenticate/", {"code": code})
            self.assertTrue(self.is_in())
            told = AuditEntry.objects.filter(action="recovery_used", actor=self.alice, person=self.alice)
            self.assertEqual(told.count(), count)

    def test_a_wrong_code_does_not(self):
        self.log_in()
        for code in ("000000", "", "abc", "1" * 500, "１２３４５６"):
            with self.subTest(code=code[:10]):
                page = self.client.post(f"{SETUP}authenticate/", {"code": code})
                self.assertEqual((page.status_code, self.is_in()), (200, False))

    def test_who_has_no_second_factor_logs_in_by_password(self):
        Authenticator.objects.all().delete()
        self.log_in()
        self.assertTrue(self.is_in())

    def test_a_login_is_held_places_after_the_second_factor_and_not_before(self):
        event = make_event()
        self.log_in()
        self.assertEqual(event.places.count(), 0)
        self.client.post(f"{SETUP}authenticate/", {"code": code_of(self.secret)})
        self.assertEqual(event.places.get().user, self.alice)


@override_settings(MFA_TOTP_TOLERANCE=1)
class SetupTests(CastOfRaces, TransactionTestCase):
    def test_somebody_sets_up_an_app_and_is_given_recovery_codes(self):
        self.alice.set_password(PASSWORD)
        self.alice.save()
        EmailAddress.objects.create(user=self.alice, email=self.alice.email, verified=True, primary=True)
        client = Client(headers=BROWSER)
        client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
        page = client.get(f"{SETUP}totp/activate/")
        self.assertContains(page, "data:image/svg+xml")
        secret = page.context["form"].secret
        done = client.post(f"{SETUP}totp/activate/", {"code": code_of(secret)})
        self.assertEqual(done.status_code, 302)
        kinds = set(Authenticator.objects.filter(user=self.alice).values_list("type", flat=True))
        self.assertEqual(kinds, {"totp", "recovery_codes"})
        self.assertEqual(AuditEntry.objects.filter(action="factor_added").count(), 1)  # the codes are no act of theirs
        for path in ("", "recovery-codes/", "webauthn/", "webauthn/add/"):
            with self.subTest(path=path):
                self.assertEqual(client.get(f"{SETUP}{path}").status_code, 200)


@override_settings(STAFF_NEED_SECOND_FACTOR=True)
class StaffTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(auto_hold=False)
        self.ticket = book(self.event, self.alice)
        self.root = make_person("root", is_staff=True, is_superuser=True)
        self.pages = {
            self.root: ["/admin/", "/admin/core/event/", f"/ticket/{self.ticket.code}/", "/checkin/"],
            self.olga: [
                f"/events/{self.event.pk}/{page}" for page in ("attendees/", "attendees.csv", "gate/", "history/")
            ],
            self.greta: ["/checkin/", f"/checkin/?event={self.event.pk}", f"/checkin/list/?event={self.event.pk}"],
        }

    def test_staff_without_one_are_sent_to_set_it_up(self):
        for person, pages in self.pages.items():
            for page in pages:
                with self.subTest(person=person, page=page):
                    self.assertEqual(target_of(visit(person, headers=BROWSER).get(page)), SETUP)
                    program = visit(person, headers=JSON).get(page)
                    self.assertEqual((program.status_code, program.json()["status"]), (403, "second_factor_needed"))

    def test_staff_who_have_one_but_did_not_use_it_are_sent_to_use_it_and_back(self):
        TOTP.activate(self.olga, generate_totp_secret())
        page = f"/events/{self.event.pk}/attendees/"
        to = target_of(visit(self.olga, headers=BROWSER).get(page))
        self.assertEqual(to, f"{SETUP}reauthenticate/?next=%2Fevents%2F{self.event.pk}%2Fattendees%2F")

    def test_staff_who_used_one_go_on(self):
        for person, pages in self.pages.items():
            client = used_factor(visit(person, headers=BROWSER), person)
            for page in pages:
                with self.subTest(person=person, page=page):
                    self.assertEqual(client.get(page).status_code, 200)

    def test_a_scan_without_one_admits_nobody(self):
        visit(self.greta).post("/checkin/scan/", {"event": self.event.pk, "code": self.ticket.code})
        self.assertEqual(self.event.tickets.filter(checked_in_at=None).count(), 1)

    def test_attendees_are_refused_as_ever_and_need_none(self):
        client = visit(self.alice)
        self.assertEqual(client.get("/admin/", follow=True).status_code, 403)
        self.assertEqual(client.get("/checkin/").status_code, 403)
        for page in ("/dashboard/", f"/ticket/{self.ticket.code}/", "/"):
            self.assertEqual(client.get(page).status_code, 200)

    def test_staff_book_for_themselves_without_one(self):
        self.assertEqual(visit(self.olga).post(f"/book/{self.event.pk}/").status_code, 200)


class ForgottenPhoneTests(Cast, TestCase):
    def setUp(self):
        TOTP.activate(self.greta, generate_totp_secret())
        self.factor = Authenticator.objects.get(user=self.greta)
        self.root = visit(make_person("root", is_staff=True, is_superuser=True), headers=BROWSER)

    def test_an_administrator_removes_it_and_never_sees_the_secret(self):
        listed = self.root.get("/admin/mfa/authenticator/")
        shown = self.root.get(f"/admin/mfa/authenticator/{self.factor.pk}/change/")
        for page in (listed, shown):
            self.assertEqual(page.status_code, 200)
            self.assertNotIn(json.dumps(self.factor.data)[12:30], page.content.decode())
        form = {"action": "remove_factors", "_selected_action": [self.factor.pk], "confirmed": "yes"}
        self.root.post("/admin/mfa/authenticator/", form)
        self.assertFalse(Authenticator.objects.filter(user=self.greta).exists())
        self.assertTrue(AuditEntry.objects.filter(action="factor_removed", person=self.greta).exists())

    def test_whoever_has_the_phone_that_was_lost_is_out_with_its_factor(self):
        gretas, alices = visit(self.greta, headers=BROWSER), visit(self.alice, headers=BROWSER)
        form = {"action": "remove_factors", "_selected_action": [self.factor.pk], "confirmed": "yes"}
        self.root.post("/admin/mfa/authenticator/", form)
        self.assertEqual([page.get("/dashboard/").status_code for page in (gretas, alices, self.root)], [302, 200, 200])

    def test_recovery_codes_go_with_the_last_factor(self):
        Authenticator.objects.create(user=self.greta, type=Authenticator.Type.RECOVERY_CODES, data={})
        form = {"action": "remove_factors", "_selected_action": [self.factor.pk], "confirmed": "yes"}
        self.root.post("/admin/mfa/authenticator/", form)
        self.assertFalse(Authenticator.objects.filter(user=self.greta).exists())

    def test_nobody_finds_it_out_by_filtering(self):
        page = self.root.get("/admin/mfa/authenticator/", {"data__secret__startswith": "A"})
        self.assertIn(page.status_code, {302, 400})


class GateSocketTests(SocketCase):
    async def test_the_gates_socket_needs_one_too(self):
        event = await sync_to_async(make_event)()
        without = await sync_to_async(visit)(self.greta)
        with_one = await sync_to_async(lambda: used_factor(visit(self.greta), self.greta))()
        with self.settings(STAFF_NEED_SECOND_FACTOR=True):
            self.assertEqual(await self.knock(f"/ws/gate/{event.pk}/", without), (False, 1000))
            self.assertEqual(await self.knock(f"/ws/gate/{event.pk}/", with_one), (True, None))
