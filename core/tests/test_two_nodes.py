"""Two web nodes, each a process with a port of its own, on one PostgreSQL and one Redis: people notice one site."""

from unittest import skipUnless

from django.conf import settings
from django.db import connection
from playwright.sync_api import Page, expect

from core.models import Ticket, TicketHold, User

from .browser import BrowserTestCase
from .cast import book, join, later, make_event, numbers, revise, statuses
from .nodes import Node, start_node


@skipUnless(settings.REDIS_URL, "needs Redis, which carries changes from process to process")
@skipUnless(connection.vendor == "postgresql", "needs PostgreSQL, which several nodes share")
class TwoNodeTests(BrowserTestCase):
    takes_away = True

    def person(self, user: User, address: str) -> Page:
        """Log in on one of the nodes, to a dashboard that is live."""
        page = self.window(address)
        self.log_in(page, user)
        expect(page.locator("[data-live-status]").first).to_contain_text("Live")
        return page

    def other_node(self) -> Node:
        """Start a second node for the time of the test."""
        node = start_node()
        self.addCleanup(node.stop)
        return node

    def test_what_is_booked_on_one_node_is_seen_on_a_socket_of_the_other(self) -> None:
        event = make_event(name="Winter Concert", capacity=3, auto_hold=False)
        alices = self.person(self.alice, self.address)
        bobs = self.person(self.bob, self.other_node().address)
        booked = bobs.locator(f"[data-region=all] [data-event='{event.pk}'] [data-number=booked]")
        expect(booked).to_have_text("0")
        bobs.evaluate("window.sameDocument = true")
        alices.get_by_role("button", name="Book my ticket").first.click()
        alices.wait_for_url("**/ticket/**")
        expect(booked).to_have_text("1")
        self.assertTrue(bobs.evaluate("window.sameDocument"))
        self.assertEqual(list(Ticket.objects.values_list("user__username", flat=True)), ["alice"])

    def test_who_joins_on_either_node_is_served_in_the_order_of_the_logins(self) -> None:
        event = make_event(name="Full house", capacity=0, auto_hold=False)
        alices = self.person(self.alice, self.address)
        bobs = self.person(self.bob, self.other_node().address)
        for page in (bobs, alices):  # who logged in first joins last
            page.get_by_role("button", name="Join the line").first.click()
            expect(page.get_by_role("button", name="Leave the line").first).to_be_visible()
        expect(bobs.locator("[data-region=mine]")).to_contain_text("1 person ahead of you")
        revise(event, capacity=1)
        expect(alices.get_by_role("button", name="Book my ticket").first).to_be_visible()
        expect(bobs.locator("[data-region=mine]")).to_contain_text("You are next")
        self.assertEqual(dict(statuses(event)), {"alice": "held", "bob": "waiting"})

    def test_when_a_node_is_killed_nothing_is_lost_and_the_other_serves_the_place_that_becomes_free(self) -> None:
        event, sold = make_event(name="Last place", capacity=1), make_event(name="Sold", capacity=1, auto_hold=False)
        join(event, self.alice)
        join(event, self.bob)
        book(sold, self.alice)
        node = start_node()
        self.addCleanup(node.kill)
        bobs = self.person(self.bob, self.address)
        alices = self.person(self.alice, node.address)
        expect(alices.locator("[data-mine=held]")).to_contain_text("Last place")
        node.kill()
        before = TicketHold.objects.get(event=event, user=self.alice).expires_at
        expect(alices.locator("[data-live-status]").first).to_contain_text("Reconnecting")

        alices.goto(f"{self.address}/dashboard/")  # a proxy leads her to the node that answers
        expect(alices.locator("[data-mine=held]")).to_contain_text("Last place")
        expect(alices.get_by_role("main")).to_contain_text("Show my ticket")
        self.assertEqual(TicketHold.objects.get(event=event, user=self.alice).expires_at, before)

        TicketHold.objects.filter(event=event, user=self.alice).update(expires_at=later(seconds=1))
        expect(bobs.get_by_role("button", name="Book my ticket").first).to_be_visible()
        self.assertEqual(statuses(event), [("alice", "expired"), ("bob", "held")])
        self.assertEqual(numbers(event), {"held": 1, "booked": 0, "waiting": 0})
