"""One's logins, and ending one of them from another."""

from typing import Any
from unittest.mock import patch

from asgiref.sync import sync_to_async
from django.test import Client, TestCase

from core import hub
from core.models import AuditEntry, UserSession

from .cast import Cast, book, join, make_event, statuses
from .sockets import PATIENCE, QUIET, SocketCase
from .test_second_factor import PASSWORD
from .visits import BROWSER, answer_of, redirect_of, target_of, visit

ACTIVITY = "/account/activity/"


def login_of(client: Client) -> UserSession:
    """Return the login of a browser."""
    return UserSession.objects.get(session_key=client.session.session_key)


def address_of(login: UserSession) -> str:
    """Return what ends a login."""
    return f"/account/logins/{login.pk}/end/"


class EndLoginTests(Cast, TestCase):
    def setUp(self) -> None:
        self.phone, self.laptop = visit(self.alice, headers=BROWSER), visit(self.alice, headers=BROWSER)
        self.other = address_of(login_of(self.phone))

    def is_in(self, client: Client) -> bool:
        return client.get("/dashboard/").status_code == 200

    def test_the_page_offers_to_end_every_other_login_that_is_on_and_to_log_out_of_this_one(self) -> None:
        over = UserSession.objects.create(user=self.alice, session_key="over", is_active=False)
        page = self.laptop.get(ACTIVITY)
        self.assertContains(page, f'action="{self.other}"', count=1)
        for login in (login_of(self.laptop), over):
            self.assertNotContains(page, address_of(login))
        self.assertContains(page, 'This one: <a href="/accounts/logout/">log out</a>', html=False)

    def test_it_ends_and_nothing_else_does(self) -> None:
        held, event = make_event(auto_hold=False), make_event(auto_hold=False)
        join(held, self.alice)
        book(event, self.alice)
        told = "That login is ended. What you hold, and your places in line, stay."
        self.assertEqual(redirect_of(self.laptop.post(self.other)), (302, ACTIVITY, [told]))
        self.assertEqual((self.is_in(self.phone), self.is_in(self.laptop)), (False, True))
        self.assertEqual((statuses(held), event.tickets.count()), ([("alice", "held")], 1))
        entry = AuditEntry.objects.get(action="signed_out")
        self.assertEqual((entry.actor, entry.person, entry.detail[:14]), (self.alice, self.alice, "another login,"))

    def test_whose_login_has_ended_is_told_so_where_they_log_in_and_whoever_logged_out_is_not(self) -> None:
        told = "You are not logged in any more: your login was ended elsewhere, or its time is up."
        self.laptop.post(self.other)
        self.assertEqual(
            redirect_of(self.phone.get("/dashboard/")), (302, "/accounts/login/?next=%2Fdashboard%2F", [told])
        )
        self.laptop.post("/accounts/logout/")
        self.assertNotContains(self.laptop.get("/dashboard/", follow=True), told)
        self.assertNotContains(visit(headers=BROWSER).get("/dashboard/", follow=True), told)

    def test_an_open_page_is_told_to_load_itself_anew_and_says_it_then(self) -> None:
        self.laptop.post(self.other)
        refreshed = self.phone.get("/dashboard/", headers={"X-Refresh": "regions"})
        self.assertEqual((refreshed.status_code, refreshed.content), (204, b""))
        self.assertContains(self.phone.get("/dashboard/", follow=True), "You are not logged in any more: your login")

    def test_again_changes_nothing_and_answers_the_same(self) -> None:
        program = visit(self.alice)
        for _ in range(2):
            self.assertEqual(answer_of(program.post(self.other)), (200, {"status": "ended"}))
        self.assertEqual(AuditEntry.objects.filter(action="signed_out").count(), 1)

    def test_those_of_others_and_the_one_that_asks_look_absent_and_go_on(self) -> None:
        bobs = visit(self.bob)
        for address in (self.other, address_of(login_of(bobs)), f"/account/logins/{10**30}/end/"):
            self.assertEqual(bobs.post(address).status_code, 404)
        self.assertEqual((self.is_in(self.phone), self.is_in(bobs)), (True, True))

    def test_a_forged_press_and_a_link_end_nothing(self) -> None:
        forged = visit(self.alice, enforce_csrf_checks=True).post(self.other)
        self.assertEqual((forged.status_code, self.laptop.get(self.other).status_code), (403, 405))
        self.assertTrue(self.is_in(self.phone))


class ConfirmationTests(Cast, TestCase):
    def test_a_session_that_was_left_open_is_asked_for_the_password_and_goes_on_after_it(self) -> None:
        self.alice.set_password(PASSWORD)
        self.alice.save()
        phone, laptop = visit(self.alice, headers=BROWSER), visit(self.alice, headers=BROWSER)
        asked = target_of(laptop.post(address_of(login_of(phone))))
        self.assertTrue(asked.startswith("/accounts/reauthenticate/"))
        self.assertEqual(phone.get("/dashboard/").status_code, 200)
        self.assertEqual(target_of(laptop.post(asked, {"password": PASSWORD})), ACTIVITY)
        self.assertEqual(phone.get("/dashboard/").status_code, 302)


class SocketTests(SocketCase):
    async def test_its_sockets_are_closed_at_once_and_those_of_the_other_stay(self) -> None:
        phone, laptop = [await sync_to_async(visit)(self.alice) for _ in range(2)]
        with patch.object(hub, "SESSION_CHECK", 3600):
            sockets: list[Any] = [await self.open("/ws/dashboard/", client) for client in (phone, laptop)]
            for socket in sockets:
                await self.said(socket, 1)
            login = await sync_to_async(login_of)(phone)
            await sync_to_async(laptop.post)(address_of(login))
            closed = await sockets[0].receive_output(timeout=PATIENCE)
            self.assertEqual(closed, {"type": "websocket.close", "code": 4401})
            self.assertTrue(await sockets[1].receive_nothing(QUIET))
        await sockets[1].disconnect()
