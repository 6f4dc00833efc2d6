"""Lists show the upcoming events a page at a time; a dashboard has all that is its person's own, whatever the page."""

import datetime as dt
import re
from typing import Any

from django.test import TestCase

from core.models import Event, Ticket
from core.paging import SIZE
from core.templatetags import cards

from .cast import Cast, HandClock, ago, join, later, make_event, offer
from .visits import BROWSER, visit

ALL = 2 * SIZE + 1


class PagingTests(Cast, TestCase):
    def setUp(self):
        self.events = Event.objects.bulk_create(
            Event(name=f"Event {n}.", venue="Hall", capacity=5, starts_at=later(days=n), created_by=self.olga)
            for n in range(1, ALL + 1)
        )
        Event.objects.update(auto_hold=False)
        self.alices = visit(self.alice, headers=BROWSER)

    def names(self, response: Any) -> list[str]:
        """Return the names of the events in the list of a page, in their order."""
        content = response.content.decode()
        return re.findall(r'id="(?:events|all)-name-\d+">([^<]+)</a>', content)

    def page(self, number: int) -> list[str]:
        return [event.name for event in self.events[SIZE * (number - 1) : SIZE * number]]

    def test_every_event_is_on_one_page_in_order(self):
        for client, path in ((visit(headers=BROWSER), "/"), (self.alices, "/"), (self.alices, "/dashboard/")):
            for number in (1, 2, 3):
                with self.subTest(path=path, number=number):
                    self.assertEqual(self.names(client.get(path, {"page": number})), self.page(number))

    def test_a_wrong_number_gets_the_nearest_page(self):
        nearest = {
            "0": 1, "-3": 1, "4": 3, "99": 3, "9" * 30: 3, "9" * 5000: 1, "x": 1, "": 1, "1.5": 1, "٢": 2, " 2": 2,
        }  # fmt: skip
        for asked, number in nearest.items():
            for client, path in ((visit(headers=BROWSER), "/"), (self.alices, "/dashboard/")):
                with self.subTest(asked=asked[:9], path=path):
                    self.assertEqual(self.names(client.get(path, {"page": asked})), self.page(number))

    def test_links_lead_to_the_pages_before_and_after(self):
        links = {1: {"next": 2}, 2: {"prev": 1, "next": 3}, 3: {"prev": 2}}
        for path, target in (("/", ""), ("/dashboard/", "#all-title")):
            for number, expected in links.items():
                with self.subTest(path=path, number=number):
                    response = self.alices.get(path, {"page": number})
                    self.assertContains(response, f"Page {number} of 3")
                    found = re.findall(r'rel="(prev|next)"\s+href="([^"]+)"', response.content.decode())
                    self.assertEqual(dict(found), {rel: f"?page={n}{target}" for rel, n in expected.items()})

    def test_what_fits_on_one_page_has_no_links(self):
        Event.objects.exclude(pk__in=[event.pk for event in self.events[:SIZE]]).delete()
        for path in ("/", "/dashboard/"):
            response = self.alices.get(path, {"page": 2})
            self.assertEqual(self.names(response), self.page(1))
            self.assertNotContains(response, 'aria-label="Pages"')

    def test_no_events_are_a_sentence_on_every_page(self):
        Event.objects.all().delete()
        for number in (1, 7):
            self.assertContains(visit(headers=BROWSER).get("/", {"page": number}), "There are no upcoming events")

    def test_a_dashboard_has_all_that_is_its_persons_own_on_every_page(self):
        held, ticketed, offered = self.events[-1], self.events[-2], self.events[-3]
        full = make_event(name="Full.", capacity=0, starts_at=later(days=400), auto_hold=False)
        join(held, self.alice)
        join(full, self.alice)
        Ticket.objects.create(event=ticketed, user=self.alice, code="alices")
        offer(Ticket.objects.create(event=offered, user=self.bob, code="bobs"), self.alice)
        for number in (1, 2):
            with self.subTest(number=number):
                context = self.alices.get("/dashboard/", {"page": number}).context
                own = {name: [card.event for card in context[name]] for name in ("held", "waiting", "booked")}
                self.assertEqual(own, {"held": [held], "waiting": [full], "booked": [ticketed]})
                self.assertEqual([offer.ticket.event for offer in context["offers"]], [offered])

    def test_what_is_over_or_cancelled_is_shown_as_long_as_it_was_before(self):
        soon, cancelled, late, long_over = self.events[:4]
        for n, event in enumerate((cancelled, late, long_over)):
            Ticket.objects.create(event=event, user=self.alice, code=f"{n}")
        join(soon, self.alice)
        Event.objects.filter(pk=cancelled.pk).update(status="cancelled")
        Event.objects.filter(pk=late.pk).update(starts_at=ago(hours=2))
        Event.objects.filter(pk=long_over.pk).update(starts_at=ago(days=2))
        Event.objects.filter(pk=soon.pk).update(starts_at=ago(minutes=1))
        context = self.alices.get("/dashboard/").context
        self.assertEqual([card.event for card in context["booked"]], [late, cancelled])
        self.assertEqual([context["held"], context["waiting"]], [[], []])


class SharedCardTests(Cast, TestCase):
    """The part of an event in a list is kept for all who see the same."""

    def setUp(self):
        cards._kept.clear()
        self.event = make_event(name="Opera", auto_hold=False)
        self.alices, self.bobs = visit(self.alice, headers=BROWSER), visit(self.bob, headers=BROWSER)

    def test_one_card_serves_all_to_whom_it_says_the_same(self):
        for client in (self.alices, self.bobs):
            client.get("/dashboard/")
        self.assertEqual(len(cards._kept), 1)
        visit(headers=BROWSER).get("/")  # with a login in place of a form
        self.assertEqual(len(cards._kept), 2)

    def test_every_form_has_a_token_of_its_viewer(self):
        for person in (self.alice, self.bob):
            with self.subTest(person=person):
                client = visit(person, headers=BROWSER, enforce_csrf_checks=True)
                page = client.get("/dashboard/").content.decode()
                self.assertNotIn(cards.TOKEN, page)
                token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[0]
                client.post(f"/book/{self.event.pk}/", {"csrfmiddlewaretoken": token})
                self.assertTrue(Ticket.objects.filter(user=person).exists())

    def test_whatever_an_organizer_changes_is_seen_at_once(self):
        changes: dict[str, Any] = {
            "name": "Ballet", "venue": "Palace", "starts_at": later(days=30), "time_zone": "Asia/Tokyo",
            "capacity": 77, "booked": 33, "auto_hold": True, "sales_open_at": later(days=2), "image": "events/x.png",
        }  # fmt: skip
        for name, value in changes.items():
            with self.subTest(name):
                self.alices.get("/")
                Event.objects.update(**{name: value})
                kept = visit(self.alice, headers=BROWSER).get("/").content
                cards._kept.clear()
                self.assertEqual(hidden(kept), hidden(visit(self.alice, headers=BROWSER).get("/").content))

    def test_the_name_of_its_time_zone_is_the_one_of_the_day(self):
        Event.objects.update(time_zone="Europe/Berlin", starts_at=dt.datetime(2035, 1, 1, tzinfo=dt.UTC))
        with HandClock() as clock:
            for month, name in ((1, "CET"), (7, "CEST")):
                clock.at = dt.datetime(2031, month, 1, tzinfo=dt.UTC)
                page = visit(self.alice, headers=BROWSER).get("/")
                self.assertContains(page, f'data-zone="Europe/Berlin" data-zone-name="{name}"')

    def test_what_is_somebodys_own_is_not_kept(self):
        join(self.event, self.alice)
        own = f"/release-hold/{self.event.pk}/"
        self.assertContains(self.alices.get("/dashboard/"), own)
        self.assertEqual(cards._kept, {})
        self.assertNotContains(self.bobs.get("/dashboard/"), own)

    def test_names_are_escaped(self):
        Event.objects.update(name="<b>loud</b>")
        for client in (self.alices, self.bobs):
            self.assertContains(client.get("/"), "&lt;b&gt;loud&lt;/b&gt;")
            self.assertNotContains(client.get("/"), "<b>loud")

    def test_only_so_many_are_kept(self):
        limit, cards.LARGEST = cards.LARGEST, 2
        self.addCleanup(setattr, cards, "LARGEST", limit)
        for name in "abcde":
            Event.objects.update(name=name)
            self.assertContains(self.alices.get("/"), f">{name}</a>")
            self.assertLessEqual(len(cards._kept), 2)


def hidden(page: bytes) -> str:
    """Return a page without what differs from request to request: tokens, and the moment it was made."""
    return re.sub(r'value="\w{64}"|name="server-now" content="[^"]+"', "", page.decode())
