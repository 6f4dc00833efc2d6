"""A session of staff that was left open is not enough to delete, to give rights, or to open somebody's account."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, TestCase

from core import arrivals
from core.models import User, UserSession
from core.sessions import SessionStore
from core.tests.cast import Cast, ago, book, make_event, make_person
from core.tests.visits import BROWSER, JSON, target_of, visit

PASSWORD = "first-password-1"
AGAIN = "/accounts/reauthenticate/"


class PauseTests(Cast, TestCase):
    """After an hour without a sign of life staff show again who they are, in the administration alone."""

    def setUp(self) -> None:
        self.root = make_person("root", is_staff=True, is_superuser=True, password=PASSWORD)
        self.client = visit(self.root, headers=BROWSER)
        self.client.get("/dashboard/")
        self.login = UserSession.objects.get()

    def away(self, **span: int) -> None:
        UserSession.objects.update(last_seen_at=ago(**span))

    def is_asked(self, client: Client | None = None) -> bool:
        response = (client or self.client).get("/admin/")
        return response.status_code == 302 and target_of(response).startswith(AGAIN)

    def test_they_are_asked_and_let_in_again_after_it_with_the_same_login(self) -> None:
        self.away(hours=1, seconds=5)
        self.assertTrue(self.is_asked())
        self.assertTrue(self.is_asked())  # having asked is no sign that it is them
        self.assertEqual(target_of(self.client.post(f"{AGAIN}?next=/admin/", {"password": PASSWORD})), "/admin/")
        self.assertFalse(self.is_asked())
        login = UserSession.objects.get()
        self.assertEqual((login, login.login_timestamp), (self.login, self.login.login_timestamp))

    def test_whoever_comes_back_by_another_page_is_asked_as_well(self) -> None:
        self.away(hours=1, seconds=5)
        self.assertEqual(self.client.get("/dashboard/").status_code, 200)
        self.assertTrue(self.is_asked())

    def test_a_shorter_pause_asks_for_nothing(self) -> None:
        self.away(minutes=59)
        self.assertFalse(self.is_asked())

    def test_the_gate_goes_on_whatever_pause_there_was(self) -> None:
        event = make_event(auto_hold=False)
        self.away(hours=3)
        form = {"event": event.pk, "code": book(event, self.alice).code}
        self.assertContains(self.client.post("/checkin/scan/", form), "alice")
        self.assertEqual(self.client.get("/checkin/").status_code, 200)

    def test_a_form_goes_on_after_it_and_a_program_is_told(self) -> None:
        group = Group.objects.create(name="Members")
        self.away(hours=2)
        path = f"/admin/auth/group/{group.pk}/change/"
        to = target_of(self.client.post(path, {"name": "Others"}))
        self.assertEqual(Group.objects.get(pk=group.pk).name, "Members")
        self.client.post(to, {"password": PASSWORD})
        self.assertEqual(Group.objects.get(pk=group.pk).name, "Others")
        self.away(hours=2)
        program = self.client.get("/admin/", headers=JSON)
        self.assertEqual((program.status_code, program.json()["status"]), (403, "confirmation_needed"))

    def test_of_a_file_which_is_not_kept_the_page_that_asks_says_so(self) -> None:
        event = make_event()
        self.away(hours=2)
        sent = {"name": "Opera", "image": SimpleUploadedFile("opera.png", b"a picture")}
        to = target_of(self.client.post(f"/admin/core/event/{event.pk}/change/", sent))
        self.assertContains(self.client.get(to), "The file that you chose is not kept meanwhile")

    def test_an_open_page_that_comes_back_first_hides_no_pause(self) -> None:
        self.away(hours=2)
        arrivals.note_signs_of_life([self.login.session_key])
        self.assertTrue(self.is_asked())

    def test_a_form_opened_from_a_filtered_list_goes_on_as_well(self) -> None:
        group = Group.objects.create(name="Members")
        self.away(hours=2)
        path = f"/admin/auth/group/{group.pk}/change/"
        to = target_of(self.client.post(f"{path}?_changelist_filters=q%3Dx", {"name": "Others"}))
        answer = self.client.post(to, {"password": PASSWORD})
        self.assertEqual(Group.objects.get(pk=group.pk).name, "Others")
        self.assertEqual(target_of(answer), "/admin/auth/group/?q=x")

    def test_whoever_comes_back_to_leave_may(self) -> None:
        self.away(hours=2)
        self.client.post("/admin/logout/")
        self.assertFalse(UserSession.objects.get().is_active)


class ConfirmationTests(Cast, TestCase):
    def setUp(self) -> None:
        self.root = make_person("root", is_staff=True, is_superuser=True, password=PASSWORD)
        self.client = visit(self.root, headers=BROWSER)
        self.group = Group.objects.create(name="Members")

    def person(self, user: User, **differs: Any) -> dict[str, Any]:
        joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
        return {"username": user.username, "email": user.email, "is_active": "on"} | joined | differs

    def is_asked(self, path: str, **form: Any) -> bool:
        response = self.client.post(path, form)
        return response.status_code == 302 and target_of(response).startswith(AGAIN)

    def test_whatever_deletes_or_gives_rights_asks_first_and_does_nothing(self) -> None:
        factor = Authenticator.objects.create(user=self.alice, type="totp", data={})
        event = make_event(auto_hold=False)
        writes: dict[str, dict[str, Any]] = {
            f"/admin/core/user/{self.alice.pk}/change/": self.person(self.alice, is_staff="on", is_superuser="on"),
            "/admin/core/user/add/": self.person(self.alice, username="eve"),
            f"/admin/core/user/{self.alice.pk}/password/": {"password1": "a-password-9", "password2": "a-password-9"},
            f"/admin/auth/group/{self.group.pk}/change/": {"name": "Others"},
            f"/admin/auth/group/{self.group.pk}/delete/": {"post": "yes"},
            f"/admin/core/event/{event.pk}/delete/": {"post": "yes"},
            "/admin/account/emailaddress/add/": {"user": self.alice.pk, "email": "x@example.org", "verified": "on"},
            "/admin/core/user/": {"action": "erase_accounts", "_selected_action": [self.alice.pk], "confirmed": "yes"},
            "/admin/mfa/authenticator/": {"action": "remove_factors", "_selected_action": [factor.pk],
                                          "confirmed": "yes"},
        }  # fmt: skip
        before = self.alice.password
        for path, form in writes.items():
            with self.subTest(path=path):
                self.assertTrue(self.is_asked(path, **form))
        alice = User.objects.get(pk=self.alice.pk)
        self.assertEqual((alice.is_staff, alice.is_active, alice.password), (False, True, before))
        self.assertEqual(list(Group.objects.filter(pk=self.group.pk).values_list("name", flat=True)), ["Members"])
        self.assertEqual((Authenticator.objects.count(), EmailAddress.objects.filter(user=self.alice).count()), (1, 0))
        self.assertTrue(type(event).objects.filter(pk=event.pk).exists())
        self.assertFalse(User.objects.filter(username="eve").exists())

    def event_form(self, **differs: Any) -> dict[str, Any]:
        event = {"name": "Jazz", "venue": "Hall", "capacity": 2, "status": "draft", "line_policy": "login_fifo"}
        starts = {"starts_at_0": "2030-01-01", "starts_at_1": "20:00", "created_by": self.olga.pk}
        return event | starts | differs

    def test_an_event_is_given_to_somebody_else_only_then_and_changed_otherwise_without(self) -> None:
        event = make_event(status="draft")
        path = f"/admin/core/event/{event.pk}/change/"
        self.assertFalse(self.is_asked(path, **self.event_form(name="Blues")))
        self.assertTrue(self.is_asked("/admin/core/event/add/", **self.event_form()))
        self.assertFalse(self.is_asked("/admin/core/event/add/", **self.event_form(created_by=self.root.pk)))
        to = target_of(self.client.post(path, self.event_form(created_by=self.alice.pk)))
        event.refresh_from_db()
        self.assertEqual((event.name, event.created_by), ("Blues", self.olga))
        self.client.post(to, {"password": PASSWORD})
        event.refresh_from_db()
        self.assertEqual((event.name, event.created_by), ("Jazz", self.alice))

    def test_reading_asks_for_nothing(self) -> None:
        for path in ("", "core/user/", f"core/user/{self.alice.pk}/change/", f"auth/group/{self.group.pk}/change/"):
            with self.subTest(path=path):
                self.assertEqual(self.client.get(f"/admin/{path}").status_code, 200)

    def test_what_was_typed_is_done_once_it_is_shown(self) -> None:
        to = target_of(
            self.client.post(f"/admin/core/user/{self.alice.pk}/change/", self.person(self.alice, is_staff="on"))
        )
        self.assertFalse(User.objects.get(pk=self.alice.pk).is_staff)
        self.assertEqual(target_of(self.client.post(to, {"password": PASSWORD})), "/admin/core/user/")
        self.assertTrue(User.objects.get(pk=self.alice.pk).is_staff)
        path = f"/admin/auth/group/{self.group.pk}/delete/"
        self.assertFalse(self.is_asked(path, post="yes"))  # for some minutes
        self.assertFalse(Group.objects.filter(pk=self.group.pk).exists())

    def test_a_password_that_was_typed_is_kept_nowhere(self) -> None:
        typed = "a-password-nobody-has"
        passwords = {"password1": typed, "password2": typed}
        to = target_of(self.client.post(f"/admin/core/user/{self.alice.pk}/password/", passwords))
        kept = [str(SessionStore().decode(data)) for data in Session.objects.values_list("session_data", flat=True)]
        self.assertEqual([typed in text for text in kept], [False])
        response = self.client.post(to, {"password": PASSWORD})
        self.assertContains(response, "This field is required")
        self.assertFalse(User.objects.get(pk=self.alice.pk).has_usable_password())
