"""What the end of a session, and of an account's activity, ends (rules 14, 25 and 26)."""

from django.conf import settings
from django.test import TestCase
from django.urls import reverse

from core import arrivals
from core.models import Ticket, TicketHold, User, UserSession

from .cast import Cast, ago, arrive, book, join, make_event, make_person, numbers, statuses
from .visits import visit


class LoginTests(Cast, TestCase):
    def test_a_login_is_recorded_with_its_moment(self):
        self.client.force_login(self.alice)
        session = UserSession.objects.get()
        self.assertEqual(
            (session.user, session.session_key, session.is_active),
            (self.alice, self.client.session.session_key, True),
        )
        self.assertGreaterEqual(session.last_seen_at, session.login_timestamp)

    def test_a_login_outlives_a_change_of_the_secret_key(self):
        with self.settings(SECRET_KEY="old-key"):
            self.client.force_login(self.alice)
            self.client.get("/dashboard/")
        login = UserSession.objects.values_list("pk", "login_timestamp").get()
        with self.settings(SECRET_KEY="new-key", SECRET_KEY_FALLBACKS=["old-key"]):
            self.assertEqual(self.client.get("/dashboard/").status_code, 200)
            self.assertEqual(self.client.get("/dashboard/").status_code, 200)
        self.assertEqual(UserSession.objects.values_list("pk", "login_timestamp").get(), login)

    def test_a_session_of_a_former_key_keeps_its_own_so_that_who_asks_twice_at_once_is_not_logged_out(self):
        with self.settings(SECRET_KEY="old-key"):
            self.client.force_login(self.alice)
            self.client.get("/dashboard/")
        cookie = self.client.cookies[settings.SESSION_COOKIE_NAME].value
        with self.settings(SECRET_KEY="new-key", SECRET_KEY_FALLBACKS=["old-key"]):
            first = self.client.get("/dashboard/")
        with self.settings(SECRET_KEY="old-key"):  # a process that was not restarted yet
            second = self.client.get("/dashboard/")
        self.assertEqual((first.status_code, second.status_code), (200, 200))
        self.assertEqual(self.client.cookies[settings.SESSION_COOKIE_NAME].value, cookie)

    def test_the_same_session_keeps_its_first_moment(self):
        arrivals.record_login(user=self.alice, session_key="key")
        first = UserSession.objects.values().get()
        arrivals.record_login(user=self.alice, session_key="key")
        self.assertEqual(UserSession.objects.values().get(), first)

    def test_its_key_is_of_165_random_bits(self):
        keys = {visit(self.alice).session.session_key for _ in range(20)}
        self.assertEqual(len(keys), 20)
        for key in keys:
            self.assertRegex(str(key), "^[a-z0-9]{32}$")  # 32 of 36 letters and digits

    def test_every_device_has_its_own(self):
        arrivals.record_login(user=self.alice, session_key="phone")
        arrivals.record_login(user=self.alice, session_key="laptop")
        self.assertEqual(
            list(UserSession.objects.order_by("pk").values_list("session_key", flat=True)), ["phone", "laptop"]
        )

    def test_a_session_acts_until_it_ends_or_is_a_day_old(self):
        keys = {
            "live": arrive(self.alice, ago(hours=23)),
            "ended": arrive(self.alice, is_active=False),
            "old": arrive(self.alice, ago(hours=25)),
            "another's": arrive(self.bob),
        }
        found = {
            name: arrivals.session_of(user_id=self.alice.pk, session_key=session.session_key)
            for name, session in keys.items()
        }
        self.assertEqual(found, {"live": keys["live"], "ended": None, "old": None, "another's": None})

    def test_a_sign_of_life_is_noted_after_a_minute(self):
        quiet, fresh = arrive(self.alice, ago(minutes=2)), arrive(self.alice, ago(seconds=10))
        for session in (quiet, fresh):
            arrivals.session_of(user_id=self.alice.pk, session_key=session.session_key)
        seen = dict(UserSession.objects.values_list("pk", "last_seen_at"))
        self.assertEqual(seen[fresh.pk], fresh.last_seen_at)
        self.assertGreater(seen[quiet.pk], fresh.last_seen_at)

    def test_when_every_open_page_is_of_an_ended_session_there_is_no_sign_of_life_to_note(self):
        arrivals.note_signs_of_life(set())

    def test_a_sign_of_life_does_not_revive_an_ended_session(self):
        session = arrive(self.alice, ago(minutes=2), is_active=False)
        arrivals.note_signs_of_life([session.session_key])
        session.refresh_from_db()
        self.assertEqual((session.is_active, session.last_seen_at), (False, session.login_timestamp))


class SignOutTests(Cast, TestCase):
    def setUp(self):
        self.event = make_event(capacity=1)
        self.line = make_event(capacity=0)
        self.client.force_login(self.alice)
        for event in (self.event, self.line):
            join(event, self.alice)
            join(event, self.bob)

    def alices(self) -> list[str]:
        return list(TicketHold.objects.filter(user=self.alice).order_by("pk").values_list("status", flat=True))

    def test_of_the_last_session_ends_holds_and_places_and_serves_the_next(self):
        self.client.logout()
        self.assertEqual(statuses(self.event), [("alice", "released"), ("bob", "held")])
        self.assertEqual(statuses(self.line), [("alice", "left"), ("bob", "waiting")])
        self.assertEqual(list(UserSession.objects.values_list("is_active", flat=True)), [False])

    def test_of_one_of_two_sessions_ends_nothing(self):
        other = arrive(self.alice, ago(hours=1))
        self.client.logout()
        self.assertEqual(self.alices(), ["held", "waiting"])
        self.assertEqual(list(UserSession.objects.filter(is_active=True)), [other])

    def test_a_session_that_can_no_longer_act_does_not_count_as_another(self):
        arrive(self.alice, ago(hours=25))
        arrive(self.alice, is_active=False)
        arrive(self.bob)
        self.client.logout()
        self.assertEqual(self.alices(), ["released", "left"])

    def test_it_leaves_tickets_alone(self):
        book(self.event, self.alice)
        self.client.logout()
        self.assertEqual((self.alices(), Ticket.objects.valid().count()), (["booked", "left"], 1))

    def test_the_end_of_a_session_by_time_ends_nothing(self):
        UserSession.objects.update(login_timestamp=ago(hours=25))
        self.client.get(reverse("dashboard"))
        self.assertNotIn("_auth_user_id", self.client.session)
        self.assertEqual(self.alices(), ["held", "waiting"])

    def test_a_session_that_was_ended_elsewhere_ends_nothing(self):
        arrivals.end_all_sessions(self.alice)
        self.client.get(reverse("dashboard"))
        self.assertNotIn("_auth_user_id", self.client.session)
        self.assertEqual(self.alices(), ["held", "waiting"])

    def test_a_changed_password_ends_the_sessions_and_no_place(self):
        old, new = "the old one, long enough", "quite another one, 42"
        self.alice.set_password(old)
        self.alice.save()
        UserSession.objects.all().delete()
        self.client.post(reverse("account_login"), {"login": "alice", "password": old})
        self.client.post(reverse("account_change_password"), {"oldpassword": old, "password1": new, "password2": new})
        self.assertTrue(User.objects.get(pk=self.alice.pk).check_password(new))
        self.assertEqual(list(UserSession.objects.values_list("user", "is_active")), [(self.alice.pk, False)])
        self.assertEqual(self.alices(), ["held", "waiting"])


class DeactivationTests(Cast, TestCase):
    def test_it_ends_places_and_sessions_serves_the_next_and_keeps_tickets(self):
        held, waited_for, booked = make_event(capacity=1), make_event(capacity=0), make_event()
        gone = make_person("gone")
        arrive(gone)
        for event in (held, waited_for):
            join(event, gone)
            join(event, self.bob)
        ticket = book(booked, gone)
        gone.is_active = False
        gone.save()
        self.assertEqual(statuses(held), [("gone", "released"), ("bob", "held")])
        self.assertEqual(statuses(waited_for), [("gone", "left"), ("bob", "waiting")])
        self.assertEqual(list(Ticket.objects.valid()), [ticket])
        self.assertEqual(list(UserSession.objects.filter(user=gone, is_active=True)), [])
        self.assertEqual(numbers(held), {"held": 1, "booked": 0, "waiting": 0})

    def test_saving_somebody_active_ends_nothing(self):
        event = make_event()
        join(event, self.alice, arrive(self.alice))
        self.alice.save()
        self.assertEqual(statuses(event), [("alice", "held")])
        self.assertEqual(UserSession.objects.filter(is_active=True).count(), 1)
