"""Accounts in the admin: whose e-mail counts, who may change whom, and the question before an erasure."""

import os
import re
from io import StringIO
from typing import Any
from unittest import mock

from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import TestCase

from core.models import User

from .cast import Cast, arrive, book, join, make_event, make_people, make_person, statuses
from .desk import act, at_desk, employ, errors_of, filled, make_administrator, messages_of, rows_of
from .tables import all_rows, changed_tables
from .visits import BROWSER, visit

PASSWORD = "correct horse battery"
LIST = "/admin/core/user/"
ADD = "/admin/core/user/add/"


def page_of(person: User) -> str:
    return f"/admin/core/user/{person.pk}/change/"


def addresses() -> list[tuple[str, str, bool, bool]]:
    """Return `(user name, e-mail, verified, primary)` of every known address."""
    known = EmailAddress.objects.order_by("user__username", "email")
    return list(known.values_list("user__username", "email", "verified", "primary"))


class PeopleCase(Cast, TestCase):
    root: User

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.root = make_administrator()

    def setUp(self) -> None:
        EmailAddress.objects.all().delete()
        self.browser = at_desk(self.root)

    def change(self, person: User, **typed: str) -> Any:
        """Open a person's form, type, and save; return the answer."""
        form: dict[str, Any] = filled(self.browser.get(page_of(person)))
        return self.browser.post(page_of(person), form | typed)


class LoginTests(TestCase):
    def test_the_admin_has_no_login_of_its_own(self) -> None:
        browser = visit(headers=BROWSER)
        for path in ("/admin/", "/admin/core/event/", "/admin/login/"):
            response = browser.get(path, follow=True)
            found = (response.redirect_chain[-1][0].split("?")[0], response.status_code)
            self.assertEqual(found, ("/accounts/login/", 200), path)

    def test_a_password_sent_to_the_admins_own_address_logs_nobody_in(self) -> None:
        User.objects.create_superuser("root", "root@example.org", PASSWORD)
        browser = visit(headers=BROWSER)
        response = browser.post("/admin/login/", {"username": "root", "password": PASSWORD, "next": "/admin/"})
        self.assertEqual((response.status_code, response.headers["Location"].split("?")[0]), (302, "/accounts/login/"))
        self.assertEqual(browser.get("/admin/").status_code, 302)

    def test_who_logs_in_by_allauth_arrives_in_the_admin(self) -> None:
        User.objects.create_superuser("root", "root@example.org", PASSWORD)
        browser = visit(headers=BROWSER)
        address = browser.get("/admin/", follow=True).redirect_chain[-1][0]
        response = browser.post(
            address, filled(browser.get(address)) | {"login": "root", "password": PASSWORD}, follow=True
        )
        self.assertEqual((response.redirect_chain[-1][0], response.status_code), ("/admin/", 200))
        self.assertContains(response, "Box office administration")


class EmailTests(PeopleCase):
    def test_the_e_mail_of_a_new_superuser_counts_as_verified(self) -> None:
        User.objects.create_superuser("ada", "Ada@Example.org", PASSWORD)
        User.objects.create_user("eve", "eve@example.org", PASSWORD)
        self.assertEqual(addresses(), [("ada", "ada@example.org", True, True)])

    def test_so_does_that_of_the_command_createsuperuser(self) -> None:
        os.environ["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
        self.addCleanup(os.environ.pop, "DJANGO_SUPERUSER_PASSWORD")
        options = {"username": "ada", "email": "ada@example.org", "interactive": False}
        call_command("createsuperuser", stdout=StringIO(), **options)
        self.assertEqual(addresses(), [("ada", "ada@example.org", True, True)])

    def test_a_superuser_without_an_e_mail_has_none_to_verify(self) -> None:
        User.objects.create_superuser("ada", "", PASSWORD)
        self.assertEqual(addresses(), [])

    def test_who_is_made_in_the_admin_has_a_verified_e_mail(self) -> None:
        form = {"username": "ada", "email": "Ada@example.org", "usable_password": "true"}
        response = self.browser.post(ADD, form | {"password1": PASSWORD, "password2": PASSWORD})
        self.assertEqual((response.status_code, addresses()), (302, [("ada", "ada@example.org", True, True)]))
        browser = visit(headers=BROWSER)
        self.assertEqual(browser.post("/accounts/login/", {"login": "ada", "password": PASSWORD}).status_code, 302)

    def test_an_e_mail_that_staff_change_replaces_the_former(self) -> None:
        self.change(self.alice, email="alice@example.org", first_name="Alice")
        self.assertEqual(addresses(), [])  # nobody typed another one
        self.change(self.alice, email="first@example.org")
        self.change(self.alice, email="second@example.org")
        self.assertEqual(addresses(), [("alice", "second@example.org", True, True)])
        self.change(self.alice, email="")
        self.assertEqual(addresses(), [])

    def test_an_address_that_somebody_else_uses_is_refused(self) -> None:
        EmailAddress.objects.create(user=self.bob, email="second@example.org", verified=True)
        before = all_rows()
        for typed in ("SECOND@example.org", "BOB@example.org"):
            response = self.change(self.alice, email=typed, first_name="Typed with care")
            with self.subTest(typed=typed):
                self.assertEqual((response.status_code, len(errors_of(response))), (200, 1))
                kept = (filled(response)["email"], filled(response)["first_name"])
                self.assertEqual(kept, (typed, "Typed with care"))
        self.assertEqual(changed_tables(before, all_rows()), ["core.AuditEntry"])  # that the page was looked at

    def test_a_user_name_that_could_be_an_e_mail_is_refused_in_new_names_only(self) -> None:
        response = self.change(self.alice, username="bob@example.org")
        sentence = "A user name cannot contain an @. You can log in with your e-mail address as well."
        self.assertEqual(errors_of(response), {"username": [sentence]})
        User.objects.filter(pk=self.alice.pk).update(username="old@example.org")
        self.assertEqual(self.change(self.alice, first_name="Alice").status_code, 302)


class OnlyAdministratorTests(PeopleCase):
    def without(self, box: str) -> Any:
        """Save one's own form with a box unticked."""
        form: dict[str, Any] = filled(self.browser.get(page_of(self.root)))
        return self.browser.post(page_of(self.root), {name: value for name, value in form.items() if name != box})

    def test_the_only_one_keeps_account_and_rights_until_there_is_another(self) -> None:
        for box in ("is_active", "is_superuser"):
            with self.subTest(box=box):
                sentence = "This is the only administrator: make somebody else one first."
                self.assertEqual(errors_of(self.without(box)), {"__all__": [sentence]})
        make_administrator("second")
        self.assertEqual(self.without("is_superuser").status_code, 302)
        self.assertFalse(User.objects.get(pk=self.root.pk).is_superuser)


class RightsTests(PeopleCase):
    def setUp(self) -> None:
        super().setUp()
        employ(self.olga, "view_user", "change_user", "add_user", "delete_user")
        self.browser = at_desk(self.olga)

    def test_staff_change_attendees_and_give_no_rights(self) -> None:
        rights = {"is_staff": "on", "is_superuser": "on", "groups": "1", "user_permissions": "1"}
        self.assertEqual(self.change(self.alice, first_name="Alice", **rights).status_code, 302)
        alice = User.objects.get(pk=self.alice.pk)
        self.assertEqual((alice.first_name, alice.is_staff, alice.is_superuser), ("Alice", False, False))
        self.assertEqual((alice.groups.count(), alice.user_permissions.count()), (0, 0))

    def test_a_password_set_here_ends_the_persons_sessions_and_keeps_their_holds(self) -> None:
        event = make_event()
        join(event, self.alice)
        arrive(self.alice)
        form = {"password1": PASSWORD, "password2": PASSWORD}
        self.browser.post(f"/admin/core/user/{self.alice.pk}/password/", form)
        self.assertEqual(list(self.alice.arrivals.values_list("is_active", flat=True)), [False])
        self.assertEqual(statuses(event), [("alice", "held")])

    def test_staff_change_neither_colleagues_nor_administrators_nor_their_passwords(self) -> None:
        employ(self.bob)
        form: dict[str, Any] = filled(self.browser.get(page_of(self.alice)))
        before = list(User.objects.order_by("pk").values())
        for colleague in (self.bob, self.root, self.greta):
            new = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
            codes = [
                self.browser.post(page_of(colleague), form | {"email": "mine@example.org"}).status_code,
                self.browser.post(f"/admin/core/user/{colleague.pk}/password/", new).status_code,
            ]
            self.assertEqual(codes, [403, 403])
        self.assertEqual(list(User.objects.order_by("pk").values()), before)

    def test_an_administrator_sets_their_own_password_where_the_former_one_is_asked_for(self) -> None:
        root = make_person("chief", is_staff=True, is_superuser=True)
        for number in (str(root.pk), f"0{root.pk}"):
            response = visit(root, headers=BROWSER).post(f"/admin/core/user/{number}/password/", {"password1": "x"})
            self.assertEqual(response.headers["Location"], "/accounts/password/change/")

    def test_nobody_deletes_an_account(self) -> None:
        for browser in (self.browser, at_desk(self.root)):
            response = browser.post(f"/admin/core/user/{self.alice.pk}/delete/", {"post": "yes"})
            act(browser, "user", "delete_selected", [self.alice], post="yes")
            self.assertEqual((response.status_code, User.objects.filter(pk=self.alice.pk).count()), (403, 1))

    def test_only_administrators_erase(self) -> None:
        before = list(User.objects.order_by("pk").values())
        act(self.browser, "user", "erase_accounts", [self.alice], confirmed="yes")
        self.assertEqual(list(User.objects.order_by("pk").values()), before)
        self.assertNotContains(self.browser.get(LIST), "erase_accounts")
        self.assertContains(at_desk(self.root).get(LIST), "erase_accounts")

    def test_deactivating_an_account_ends_its_places_and_keeps_its_tickets(self) -> None:
        event, booked = make_event(auto_hold=False), make_event(auto_hold=False)
        join(event, self.alice)
        book(booked, self.alice)
        form: dict[str, Any] = filled(self.browser.get(page_of(self.alice)))
        del form["is_active"]
        self.assertEqual(self.browser.post(page_of(self.alice), form).status_code, 302)
        self.assertEqual((statuses(event), booked.tickets.valid().count()), ([("alice", "released")], 1))


class EraseTests(PeopleCase):
    def erase(self, *people: User, **more: str) -> Any:
        form = {"action": "erase_accounts", "_selected_action": [str(person.pk) for person in people], **more}
        return self.browser.post(LIST, form)

    def test_the_question_names_who_would_be_erased_and_erases_nobody(self) -> None:
        before = all_rows()
        response = self.erase(self.alice, self.bob)
        self.assertContains(response, "Erase 2 accounts?")
        named = [
            name for name in ("alice", "bob", "greta", "olga") if f"{name}@example.org" in response.content.decode()
        ]
        self.assertEqual((named, changed_tables(before, all_rows())), (["alice", "bob"], []))

    def test_its_answer_erases_exactly_those(self) -> None:
        question = self.erase(self.alice, self.bob).content.decode()
        chosen = re.findall(r'name="_selected_action"\s+value="(\d+)"', question)
        self.assertEqual(chosen, [str(self.alice.pk), str(self.bob.pk)])
        answer = act(self.browser, "user", "erase_accounts", [self.alice, self.bob], confirmed="yes")
        self.assertEqual(answer, (302, ["Erased: 2 accounts."]))
        names = list(User.objects.order_by("pk").values_list("username", flat=True))
        erased = [f"erased-{self.alice.pk}", f"erased-{self.bob.pk}"]
        self.assertEqual(names, [*erased, "olga", "greta", "root"])
        history = LogEntry.objects.order_by("pk").values_list("object_repr", "change_message")
        self.assertEqual(list(history), [(name, "Account erased.") for name in erased])

    def test_nobody_erases_themselves(self) -> None:
        response = self.erase(self.root, confirmed="yes")
        sentence = "Nobody was erased: nobody can erase their own account here."
        self.assertEqual((response.status_code, messages_of(response)), (302, [sentence]))
        self.assertEqual(User.objects.get(pk=self.root.pk).is_active, True)

    def test_among_others_the_administrator_is_left_out(self) -> None:
        second = make_person("second", is_staff=True, is_superuser=True)
        self.erase(self.root, second, confirmed="yes")
        kept = {person.pk: person.is_superuser for person in User.objects.filter(pk__in=[self.root.pk, second.pk])}
        self.assertEqual(kept, {self.root.pk: True, second.pk: False})

    def test_the_last_administrator_is_left_even_by_whoever_was_one_a_moment_ago(self) -> None:
        second = make_administrator("second")
        with mock.patch("core.accounts.is_only_administrator", return_value=True):
            answer = act(self.browser, "user", "erase_accounts", [second], confirmed="yes")
        self.assertEqual(answer, (302, ["This is the only administrator: make somebody else one first."]))
        self.assertEqual(User.objects.get(pk=second.pk).is_active, True)

    def test_more_than_a_question_can_name_are_refused(self) -> None:
        make_people(100)
        before = all_rows()
        response = self.erase(self.alice, select_across="1", confirmed="yes")
        sentence = "Erase at most 100 accounts at once, so that the question can name them."
        self.assertEqual((response.status_code, messages_of(response)), (302, [sentence]))
        self.assertEqual(changed_tables(before, all_rows()), [])

    def test_an_erased_account_is_shown_without_a_name(self) -> None:
        self.erase(self.alice, confirmed="yes")
        found = [row[:5] for row in rows_of(self.browser.get(f"{LIST}?q=erased"))]
        self.assertEqual(found, [[f"erased-{self.alice.pk}", "-", "-", "-", ""]])
