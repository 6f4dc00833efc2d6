import datetime as dt
from typing import Any
from unittest import mock

from django.conf import settings
from django.test import Client, TestCase, override_settings

from core import allocation
from core.hashers import OwaspArgon2Hasher
from core.models import Event, TicketHold, User, UserSession
from core.tests.cast import Cast, ago, make_event, make_person, statuses
from core.tests.visits import BROWSER, visit

PASSWORD = "correct horse battery"


def log_in(login: str, password: str = PASSWORD) -> tuple[Client, Any]:
    browser = visit(headers=BROWSER)
    return browser, browser.post("/accounts/login/", {"login": login, "password": password})


class LoginTests(TestCase):
    carol: User
    event: Event

    @classmethod
    def setUpTestData(cls):
        cls.carol = make_person("carol", password=PASSWORD)
        cls.event = make_event(created_by=cls.carol)

    def test_by_user_name_or_by_e_mail_in_any_case(self):
        for login in ("carol", "carol@example.org", "CAROL@Example.ORG"):
            with self.subTest(login=login):
                browser, response = log_in(login)
                self.assertEqual((response.status_code, response.url), (302, "/dashboard/"))
                self.assertEqual(browser.get("/dashboard/").status_code, 200)

    def test_a_wrong_password_or_name_says_the_same_and_logs_nobody_in(self):
        pages = []
        for login, password in (("carol", "wrong"), ("nobody", "wrong"), ("carol\0", PASSWORD), ("", "")):
            with self.subTest(login=login):
                browser, response = log_in(login, password)
                self.assertEqual(response.status_code, 200)
                self.assertEqual(browser.get("/dashboard/").status_code, 302)
                pages.append(response.context["form"].non_field_errors())
        self.assertEqual(pages[0], pages[1])
        self.assertEqual(UserSession.objects.count(), 0)

    def test_what_was_typed_is_still_there_after_a_mistake(self):
        self.assertContains(log_in("carol", "wrong")[1], 'value="carol"')

    def test_a_login_is_recorded_with_its_moment_and_its_session(self):
        before = ago()
        browser, _ = log_in("carol")
        session = UserSession.objects.get()
        self.assertEqual((session.user, session.session_key), (self.carol, browser.session.session_key))
        self.assertTrue(before <= session.login_timestamp <= ago())

    def test_the_session_before_the_login_is_not_the_one_after(self):
        browser = visit(self.carol, headers=BROWSER)
        fixed = browser.cookies[settings.SESSION_COOKIE_NAME].value
        browser.logout()
        browser.cookies[settings.SESSION_COOKIE_NAME] = fixed
        browser.post("/accounts/login/", {"login": "carol", "password": PASSWORD})
        self.assertNotEqual(browser.session.session_key, fixed)

    def test_a_form_login_is_held_a_place_before_its_answer_leaves(self):
        log_in("carol")
        hold, session = TicketHold.objects.get(), UserSession.objects.get()
        self.assertEqual((hold.user, hold.event, hold.status), (self.carol, self.event, "held"))
        self.assertEqual((hold.session, hold.login_timestamp), (session, session.login_timestamp))

    def test_another_login_is_held_a_place_with_its_first_request(self):
        client = visit(self.carol)
        self.assertEqual(statuses(self.event), [])
        client.get("/readyz")
        self.assertEqual(statuses(self.event), [("carol", "held")])

    def test_holds_are_placed_once_per_login(self):
        browser, _ = log_in("carol")
        second = make_event(created_by=self.carol)
        browser.get("/dashboard/")
        self.assertEqual((statuses(self.event), statuses(second)), ([("carol", "held")], []))

    def test_the_page_after_the_login_shows_the_hold(self):
        browser, response = log_in("carol")
        self.assertContains(browser.get(response.url), "Held for you")


class SignUpTests(TestCase):
    def sign_up(self, **differs: str) -> tuple[Client, Any]:
        browser = visit(headers=BROWSER)
        form = {"username": "dora", "email": "dora@example.org", "password1": PASSWORD, "password2": PASSWORD}
        return browser, browser.post("/accounts/signup/", form | differs)

    def test_who_signs_up_is_logged_in_and_held_a_place(self):
        event = make_event()
        browser, response = self.sign_up()
        self.assertEqual((response.status_code, response.url), (302, "/dashboard/"))
        self.assertEqual(statuses(event), [("dora", "held")])
        self.assertEqual(browser.get("/dashboard/").status_code, 200)

    def test_who_has_just_chosen_a_password_is_not_asked_for_it_at_once(self):
        browser, _ = self.sign_up()
        self.assertEqual(browser.get("/account/privacy/data.json").headers["Content-Type"], "application/json")

    def test_passwords_are_kept_with_owasps_minimum_of_argon2(self):
        self.sign_up()
        self.assertEqual(User.objects.get().password.split("$")[:4], ["argon2", "argon2id", "v=19", "m=19456,t=2,p=1"])

    def test_a_bad_form_says_why_and_makes_nobody(self):
        make_person("carol")
        for field, value in (
            ("username", "carol"), ("username", "dora@example.org"), ("username", "admin"), ("email", "no address"),
            ("username", "do\0ra"), ("password1", "short"), ("password2", "another password"), ("email", ""),
        ):  # fmt: skip
            with self.subTest(field=field, value=value):
                _, response = self.sign_up(**{field: value})
                self.assertEqual((response.status_code, list(response.context["form"].errors) != []), (200, True))
        self.assertEqual(list(User.objects.values_list("username", flat=True)), ["carol"])

    def test_a_password_that_is_too_short_and_another_one_are_both_told(self):
        for second, refused in (("shorter", ["password1", "password2"]), ("short", ["password1"])):
            with self.subTest(second):
                _, response = self.sign_up(**dict(zip(("password1", "password2"), ("short", second), strict=True)))
                self.assertEqual(list(response.context["form"].errors), refused)

    def test_an_address_belongs_to_one_person_whatever_its_case(self):
        make_person("carol")
        self.sign_up(email="CAROL@example.org")
        self.assertEqual(list(User.objects.values_list("email", flat=True)), ["carol@example.org"])

    def test_an_address_that_is_known_costs_a_hash_as_a_new_one_does(self):
        make_person("carol")
        hashed = mock.patch.object(OwaspArgon2Hasher, "encode", autospec=True, side_effect=OwaspArgon2Hasher.encode)
        with override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory"):
            for email in ("carol@example.org", "dora@example.org"):
                with self.subTest(email), hashed as encode:
                    _, response = self.sign_up(email=email)
                    self.assertEqual((response.url, encode.call_count), ("/accounts/confirm-email/", 1))

    def test_names_of_every_script_are_welcome(self):
        for number, name in enumerate(("søren", "李雷", "محمد")):
            with self.subTest(name=name):
                _, response = self.sign_up(username=name, email=f"{number}@example.org")
                self.assertEqual(response.status_code, 302)


class LogoutTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(capacity=1, auto_hold=False)
        other = make_event(capacity=1, auto_hold=False)
        allocation.join(event_id=self.event.pk, user=self.alice)
        for person in (self.bob, self.alice):
            allocation.join(event_id=other.pk, user=person)
        self.line = other

    def test_a_get_logs_nobody_out(self):
        browser = visit(self.alice, headers=BROWSER)
        browser.get("/accounts/logout/")
        self.assertEqual(browser.get("/dashboard/").status_code, 200)

    def test_the_last_session_ends_holds_and_places(self):
        browser = visit(self.alice, headers=BROWSER)
        browser.post("/accounts/logout/")
        self.assertEqual(statuses(self.event), [("alice", "released")])
        self.assertEqual(statuses(self.line), [("bob", "held"), ("alice", "left")])
        self.assertEqual(browser.get("/dashboard/").status_code, 302)

    def test_one_of_two_sessions_ends_nothing(self):
        phone, laptop = visit(self.alice, headers=BROWSER), visit(self.alice, headers=BROWSER)
        phone.post("/accounts/logout/")
        self.assertEqual(statuses(self.event), [("alice", "held")])
        self.assertEqual(laptop.get("/dashboard/").status_code, 200)
        laptop.post("/accounts/logout/")
        self.assertEqual(statuses(self.event), [("alice", "released")])

    def test_a_forged_logout_is_refused(self):
        browser = visit(self.alice, headers=BROWSER, enforce_csrf_checks=True)
        self.assertEqual(browser.post("/accounts/logout/").status_code, 403)
        self.assertEqual(statuses(self.event), [("alice", "held")])

    def test_a_session_that_was_ended_elsewhere_is_logged_out_and_keeps_its_holds(self):
        browser = visit(self.alice, headers=BROWSER)
        self.assertEqual(browser.get("/dashboard/").status_code, 200)
        UserSession.objects.update(is_active=False)
        self.assertEqual(browser.get("/dashboard/").status_code, 302)
        self.assertEqual(statuses(self.event), [("alice", "held")])

    def test_a_changed_password_ends_sessions_and_no_holds(self):
        self.alice.set_password(PASSWORD)
        self.alice.save()
        browser, phone = log_in("alice")[0], log_in("alice")[0]
        form = {"oldpassword": PASSWORD, "password1": "another long one", "password2": "another long one"}
        browser.post("/accounts/password/change/", form)
        self.assertEqual([client.get("/dashboard/").status_code for client in (browser, phone)], [302, 302])
        self.assertEqual(statuses(self.event), [("alice", "held")])

    def test_a_deactivated_person_is_out_and_loses_holds_but_no_ticket(self):
        booked = make_event(auto_hold=False)
        allocation.book(event_id=booked.pk, user=self.alice)
        browser = visit(self.alice, headers=BROWSER)
        self.alice.is_active = False
        self.alice.save()
        self.assertEqual(browser.get("/dashboard/").status_code, 302)
        self.assertEqual((statuses(self.event), booked.tickets.valid().count()), ([("alice", "released")], 1))


class SessionLengthTests(Cast, TestCase):
    def test_a_session_lasts_a_day_and_is_not_renewed_by_use(self):
        browser = visit(self.alice, headers=BROWSER)
        browser.get("/dashboard/")
        ends_at = browser.session.get_expiry_date()
        first = browser.cookies[settings.SESSION_COOKIE_NAME]["max-age"]
        responses = [browser.get(path) for path in ("/dashboard/", "/", "/calendar/")]
        self.assertEqual([settings.SESSION_COOKIE_NAME in response.cookies for response in responses], [False] * 3)
        self.assertEqual((settings.SESSION_COOKIE_AGE, first), (86_400, 86_400))
        self.assertLess(abs(ends_at - ago(hours=-24)), dt.timedelta(minutes=1))

    def test_a_login_of_yesterday_is_over_whatever_renewed_its_cookie(self):
        browser = visit(self.alice, headers=BROWSER)
        UserSession.objects.update(login_timestamp=ago(hours=24, seconds=1))
        self.assertEqual(browser.get("/dashboard/").status_code, 302)


class GoogleTests(TestCase):
    def test_without_a_client_there_is_neither_button_nor_address(self):
        for path in ("/accounts/login/", "/accounts/signup/"):
            self.assertNotContains(visit(headers=BROWSER).get(path), "Google")
        for path in ("/accounts/google/login/", "/accounts/google/login/callback/"):
            self.assertEqual(visit(headers=BROWSER).get(path).status_code, 404)

    def test_with_a_client_there_is_a_button(self):
        google = {"google": {"APPS": [{"client_id": "id", "secret": "secret"}], "SCOPE": ["profile", "email"]}}
        with override_settings(SOCIALACCOUNT_PROVIDERS=google):
            for path in ("/accounts/login/", "/accounts/signup/"):
                self.assertContains(visit(headers=BROWSER).get(path), "Google")
