"""Login by a code from a mail: whoever's password is locked by somebody else's guesses gets in, nobody else."""

import re
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from django.core.cache import cache
from django.test import Client, TestCase, override_settings

from core.models import AuditEntry, TicketHold, User, UserSession
from core.tests.cast import Cast, ago, make_event, make_person
from core.tests.test_bad_logins import OWN_CACHE
from core.tests.test_second_factor import SETUP, code_of
from core.tests.visits import BROWSER, redirect_of, target_of, visit
from core.trust import attempts

LOGIN, ASK, CONFIRM = "/accounts/login/", "/accounts/login/code/", "/accounts/login/code/confirm/"
PASSWORD, WRONG = "first-password-1", "Wrong-Password-9"
CODE = re.compile(r"\b[B-Z]{4}-[B-Z]{4}\b")


def browser_at(address: str) -> Client:
    return visit(headers=BROWSER, REMOTE_ADDR=address)


@override_settings(CACHES=OWN_CACHE)
class CodeCase(Cast, TestCase):
    def setUp(self) -> None:
        cache.clear()
        self.alice.set_password(PASSWORD)
        self.alice.save()
        EmailAddress.objects.create(user=self.alice, email=self.alice.email, verified=True, primary=True)
        self.browser = browser_at("192.0.2.1")

    def ask(self, email: str = "alice@example.org", browser: Client | None = None, **more: str) -> Any:
        return (browser or self.browser).post(ASK, {"email": email, **more})

    def code(self) -> str:
        return str(CODE.findall(str(mail.outbox[-1].body))[0])

    def confirm(self, code: str, browser: Client | None = None, **more: str) -> Any:
        return (browser or self.browser).post(CONFIRM, {"code": code, **more})

    def is_in(self, browser: Client | None = None) -> bool:
        return (browser or self.browser).get("/dashboard/").status_code == 200


class LockedOutTests(CodeCase):
    def lock_out(self) -> None:
        for guess in range(30):
            browser_at(f"198.51.100.{guess // 10}").post(LOGIN, {"login": "alice", "password": WRONG})

    def test_whoever_is_locked_out_by_thirty_wrong_guesses_gets_in_by_code(self):
        self.lock_out()
        self.browser.post(LOGIN, {"login": "alice", "password": PASSWORD})
        self.assertFalse(self.is_in())
        self.ask()
        self.assertEqual(target_of(self.confirm(self.code())), "/dashboard/")
        self.assertTrue(self.is_in())

    def test_nobody_elsewhere_uses_up_the_codes_of_an_account(self):
        for rival in range(20):
            for _ in range(6):
                self.ask(browser=browser_at(f"198.51.100.{rival}"))
        self.assertEqual(len(mail.outbox), 20 * 5)
        self.ask()
        self.confirm(self.code())
        self.assertTrue(self.is_in())

    def test_one_address_asks_for_sixty_a_minute_and_for_five_of_an_account(self):
        pages = [self.ask(browser=browser_at("192.0.2.7")) for _ in range(6)]
        self.assertEqual([page.status_code for page in pages], [302] * 5 + [429])
        self.assertLessEqual(int(pages[-1]["Retry-After"]), 15 * 60)
        self.assertContains(pages[-1], "That was too often", status_code=429)
        others = [self.ask(f"p{n}@example.org", browser_at("192.0.2.7")).status_code for n in range(60)]
        self.assertEqual((others.count(302), len(mail.outbox)), (54, 5 + 54))  # the refused one counted too


class LoginTests(CodeCase):
    def test_the_login_page_leads_there_and_on_to_where_one_came_from(self):
        page = self.browser.get(f"{LOGIN}?next=/calendar/")
        self.assertContains(page, f'href="{ASK}?next=%2Fcalendar%2F"')
        asked = self.ask(next="/calendar/")
        self.assertEqual(target_of(asked), f"{CONFIRM}?next=%2Fcalendar%2F")
        self.assertContains(self.browser.get(target_of(asked)), '<input type="hidden" name="next" value="/calendar/">')
        self.assertEqual(target_of(self.confirm(self.code(), next="/calendar/")), "/calendar/")

    def test_nobody_is_led_to_a_foreign_page(self):
        for address in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
            with self.subTest(address=address):
                cache.clear()
                browser = browser_at("192.0.2.1")
                self.assertEqual(target_of(self.ask(browser=browser, next=address)), CONFIRM)
                self.assertEqual(target_of(self.confirm(self.code(), browser, next=address)), "/dashboard/")

    def test_the_moment_of_the_code_is_the_login_and_it_is_held_a_place(self):
        event = make_event()
        self.ask()
        self.assertEqual((UserSession.objects.count(), event.places.count()), (0, 0))
        before = ago()
        self.confirm(self.code())
        session, hold = UserSession.objects.get(), TicketHold.objects.get()
        self.assertEqual((hold.user, hold.status, hold.session), (self.alice, "held", session))
        self.assertTrue(before <= session.login_timestamp == hold.login_timestamp <= ago())

    def test_whoever_has_a_second_factor_is_asked_for_it(self):
        secret = generate_totp_secret()
        TOTP.activate(self.alice, secret)
        self.ask()
        self.assertEqual(target_of(self.confirm(self.code())), f"{SETUP}authenticate/")
        self.assertFalse(self.is_in())
        with override_settings(MFA_TOTP_TOLERANCE=1):
            self.browser.post(f"{SETUP}authenticate/", {"code": code_of(secret)})
        self.assertTrue(self.is_in())

    @override_settings(STAFF_NEED_SECOND_FACTOR=True)
    def test_a_code_from_a_mail_is_no_second_factor_of_staff(self):
        make_person("root", is_staff=True, is_superuser=True)
        self.ask("root@example.org")
        self.confirm(self.code())
        self.assertEqual(target_of(self.browser.get("/admin/")), SETUP)

    def test_a_code_is_good_once_in_its_browser_and_until_another_is_asked_for(self):
        self.ask()
        code = self.code()
        other = browser_at("192.0.2.9")
        self.ask(browser=other)
        self.confirm(code, other)
        self.assertFalse(self.is_in(other))
        self.confirm(code)
        self.assertTrue(self.is_in())
        self.browser.post("/accounts/logout/")
        self.confirm(code)
        self.assertFalse(self.is_in())

    def test_it_is_good_for_ten_minutes(self):
        for seconds, is_in in ((590, True), (610, False)):
            browser = browser_at("192.0.2.1")
            self.ask(browser=browser)
            session = browser.session
            session["account_login"]["state"]["stages"]["login_by_code"]["data"]["at"] -= seconds
            session.save()
            self.confirm(self.code(), browser)
            with self.subTest(seconds=seconds):
                self.assertEqual(self.is_in(browser), is_in)

    def test_whoever_mistyped_the_address_asks_for_another_code(self):
        self.ask("alcie@example.org")
        page = self.browser.get(CONFIRM)
        self.assertContains(page, f'<input type="hidden" name="next" value="{ASK}">', html=True)
        self.assertEqual(target_of(self.browser.post("/accounts/logout/", {"next": ASK})), ASK)
        self.assertEqual(self.browser.get(ASK).status_code, 200)


class WrongCodeTests(CodeCase):
    def test_three_wrong_ones_end_it_and_the_person_is_told(self):
        self.ask()
        with self.assertLogs("core.trust.attempts") as logged:
            pages = [self.confirm(wrong) for wrong in ("BBBB-BBBB", "é", "x" * 500)]
        self.assertEqual([page.status_code for page in pages], [200, 200, 302])
        self.assertEqual([line.count("event=login_failed") for line in logged.output], [1] * 3)
        self.confirm(self.code())
        self.assertFalse(self.is_in())
        entries = AuditEntry.objects.values_list("action", "actor", "person", "address")
        self.assertEqual(list(entries), [("login_failed", None, self.alice.pk, "192.0.2.1")] * 3)

    def test_asking_for_too_many_is_told_once(self):
        for _ in range(9):
            self.ask(browser=browser_at("192.0.2.1"))
        self.assertEqual([entry.action for entry in AuditEntry.objects.all()], [attempts.Action.LOGIN_LIMITED])

    def test_a_login_by_code_is_logged_as_one(self):
        self.ask()
        with self.assertLogs("core.trust.attempts", "INFO") as logged:
            self.confirm(self.code())
        self.assertRegex(logged.output[0], rf"event=logged_in person={self.alice.pk} .*by=code$")


@override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory")
class AddressTests(CodeCase):
    def test_pages_say_the_same_of_every_address(self):
        self.bob.is_active = False
        self.bob.save()
        EmailAddress.objects.create(user=self.greta, email=self.greta.email, verified=False)
        answers = []
        for name in ("alice", "bob", "greta", "nobody"):
            browser, email = browser_at("192.0.2.1"), f"{name}@example.org"
            asked = redirect_of(self.ask(email, browser))
            pages = [browser.get(CONFIRM), self.confirm("BBBB-BBBB", browser)]
            text = [re.sub(r'value="\w{64}"', "", page.content.decode()).replace(email, "") for page in pages]
            answers.append((asked, text))
        self.assertEqual([message.to for message in mail.outbox], [[f"{name}@example.org"] for name in
                         ("alice", "bob", "greta", "nobody")])  # fmt: skip
        self.assertEqual([bool(CODE.search(str(message.body))) for message in mail.outbox], [True, False, True, False])
        for answer in answers[1:]:
            self.assertEqual(answer, answers[0])

    def test_the_capitals_of_an_address_do_not_matter(self):
        self.ask("ALICE@Example.org")
        self.confirm(self.code())
        self.assertTrue(self.is_in())

    def test_a_code_verifies_the_address_and_ends_a_password_that_anybody_may_have_set(self):
        squatted = User.objects.create_user("squatter", email="dora@example.org", password=PASSWORD)
        EmailAddress.objects.create(user=squatted, email=squatted.email, verified=False, primary=True)
        self.ask("dora@example.org")
        self.confirm(self.code())
        self.assertTrue(self.is_in())
        self.assertTrue(EmailAddress.objects.get(user=squatted).verified)
        squatter = browser_at("198.51.100.1")
        squatter.post(LOGIN, {"login": "squatter", "password": PASSWORD})
        self.assertFalse(self.is_in(squatter))

    def test_an_address_that_was_merely_added_opens_nothing(self):
        """It may be a stranger's, by a slip of the finger."""
        EmailAddress.objects.create(user=self.alice, email="alcie@example.org", verified=False)
        self.ask("alcie@example.org")
        self.assertIsNone(CODE.search(str(mail.outbox[-1].body)))
        self.browser.post("/accounts/password/reset/", {"email": "alcie@example.org"})
        self.assertNotIn("/reset/key/", mail.outbox[-1].body)
        self.browser.post("/accounts/password/reset/", {"email": "Alice@example.org"})
        self.assertIn("/reset/key/", mail.outbox[-1].body)
        self.alice.refresh_from_db()
        self.assertTrue(self.alice.check_password(PASSWORD))

    def test_the_sessions_of_whoever_set_that_password_end_with_it_and_the_person_reads_so(self):
        squatted = User.objects.create_user("squatter", email="dora@example.org", password=PASSWORD)
        EmailAddress.objects.create(user=squatted, email=squatted.email, verified=False, primary=True)
        visit(squatted).get("/dashboard/")
        before = UserSession.objects.get()
        self.ask("dora@example.org")
        self.confirm(self.code())
        self.assertTrue(self.is_in())
        before.refresh_from_db()
        self.assertFalse(before.is_active)
        self.assertEqual(AuditEntry.objects.get(action="password_changed").person_id, squatted.pk)

    def test_a_verified_one_keeps_its_password(self):
        self.ask()
        self.confirm(self.code())
        self.alice.refresh_from_db()
        self.assertTrue(self.alice.check_password(PASSWORD))

    def test_the_mail_goes_to_whoever_verified_the_address(self):
        EmailAddress.objects.create(user=self.greta, email=self.alice.email, verified=False)
        self.ask()
        self.confirm(self.code())
        self.assertEqual(UserSession.objects.get().user, self.alice)


class MailTests(CodeCase):
    def test_it_is_in_the_words_of_the_house(self):
        self.ask()
        [message] = mail.outbox
        self.assertEqual(message.subject, "Your code to log in")
        for words in ("Hello from Box Office!", "good for 10 minutes", "Tell it to nobody"):
            self.assertIn(words, message.body)
