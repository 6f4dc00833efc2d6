"""The list of an organizer's events, who finds it, and the way back to it from each page."""

import datetime as dt
import re
from typing import Any

from django.test import Client
from django.urls import reverse

from core.models import Event, TicketHold

from .cast import ago, appoint, book, join, later, make_event, make_people, make_person
from .desk import at_desk, make_administrator
from .organizers import NEW, OrganizerCase, path
from .test_query_counts import queries_of
from .test_second_factor import used_factor
from .visits import BROWSER, JSON, visit


def cards_of(page: Any) -> list[Any]:
    """Return the events of a page of the list, in its order."""
    return [card for _, cards in page.context["groups"] for card in cards]


class ListTests(OrganizerCase):
    def names(self, client: Client) -> list[str]:
        return [card.event.name for card in cards_of(client.get("/organize/"))]

    def test_it_has_ones_own_events_and_administrators_have_all(self) -> None:
        make_event(name="Soon", starts_at=later(days=1), auto_hold=False)
        make_event(name="Late", starts_at=later(days=9), auto_hold=False)
        make_event(name="Foreign", starts_at=later(days=5), created_by=appoint(make_person("oscar")), auto_hold=False)
        self.assertEqual(self.names(self.browser), ["Soon", "Late"])
        root = at_desk(make_administrator())
        self.assertEqual(self.names(root), ["Soon", "Foreign", "Late"])
        self.assertContains(root.get("/organize/"), "Organized by oscar", count=1)
        self.assertNotContains(self.browser.get("/organize/"), "Organized by")

    def test_what_comes_is_first_then_drafts_then_what_is_over_or_cancelled(self) -> None:
        told: dict[str, dict[str, Any]] = {
            "Long ago": {"starts_at": ago(days=9)},
            "Yesterday": {"starts_at": ago(days=1)},
            "Off": {"starts_at": later(days=3), "status": "cancelled"},
            "Draft of last year": {"starts_at": ago(days=400), "status": "draft"},
            "Draft": {"starts_at": later(days=1), "status": "draft"},
            "Festival": {"starts_at": ago(days=2), "ends_at": later(hours=1)},
            "Tonight": {"starts_at": ago(hours=1)},
            "Next week": {"starts_at": later(days=7)},
        }
        for name, fields in told.items():
            make_event(name=name, auto_hold=False, **fields)
        groups = self.browser.get("/organize/").context["groups"]
        self.assertEqual(
            [(title, [card.event.name for card in cards]) for title, cards in groups],
            [
                ("To come and going on", ["Festival", "Tonight", "Next week"]),
                ("Drafts", ["Draft of last year", "Draft"]),
                ("Over and cancelled", ["Off", "Yesterday", "Long ago"]),
            ],
        )

    def test_an_events_own_page_says_when_and_where_it_is(self) -> None:
        starts_at = dt.datetime(2035, 6, 1, 18, 0, tzinfo=dt.UTC)
        event = make_event(venue="The Net Loft", time_zone="Europe/Oslo", starts_at=starts_at, auto_hold=False)
        page = self.browser.get(path(event))
        for words in ("Friday 1 June 2035, 20:00", "(Europe/Oslo), <bdi>The Net Loft</bdi>"):
            self.assertContains(page, words)

    def test_it_names_the_day_once_if_the_event_ends_on_it_in_its_own_zone(self) -> None:
        starts_at = dt.datetime(2035, 6, 1, 22, 0, tzinfo=dt.UTC)  # 00:00 of the 2nd in Oslo
        event = make_event(time_zone="Europe/Oslo", starts_at=starts_at, auto_hold=False)
        for hours, ends in ((23, "23:00"), (24, "Sunday 3 June 2035, 00:00")):
            Event.objects.update(ends_at=starts_at + dt.timedelta(hours=hours))
            page = self.browser.get(path(event)).content.decode()
            (lead,) = re.findall(r'<p class="lead">(.*?)</p>', page, re.DOTALL)
            words = " ".join(re.sub("<[^>]*>", "", lead).split())
            self.assertEqual(words, f"Saturday 2 June 2035, 00:00 to {ends} (Europe/Oslo), Hall")

    def test_wherever_ones_events_are_listed_the_name_leads_to_its_page_and_the_others_are_in_one_order(self) -> None:
        event = make_event(auto_hold=False)
        beside = [f"{event.get_absolute_url()}attendees/", f"{event.get_absolute_url()}gate/", event.get_absolute_url()]
        for address, begin, others in (
            ("/organize/", 'data-region="organized"', [path(event, "edit/"), *beside]),
            ("/dashboard/", 'id="organized-title"', beside),
        ):
            with self.subTest(address=address):
                page = self.browser.get(address).content.decode()
                listed = page.partition(begin)[2].partition("</section>")[0]
                self.assertEqual(re.findall(r'<a\s[^>]*?href="([^"]*)"', listed), [path(event), *others])

    def test_it_shows_the_four_numbers_and_the_state(self) -> None:
        event = make_event(capacity=3, auto_hold=False)
        first, *others = make_people(5)
        book(event, first)
        for person in others:
            join(event, person)
        (card,) = cards_of(self.browser.get("/organize/"))
        shown = {name: card.stats[name] for name in ("booked", "held", "available", "waiting")}
        self.assertEqual(shown, {"booked": 1, "held": 2, "available": 0, "waiting": 2})
        page = self.browser.get("/organize/")
        self.assertContains(page, "People waiting")
        self.assertContains(page, 'value="33"')

    def test_an_empty_list_says_what_to_do(self) -> None:
        page = self.browser.get("/organize/")
        self.assertContains(page, "You have no events yet")
        self.assertContains(page, 'href="/organize/new/"')

    def test_the_navigation_leads_there_those_who_may(self) -> None:
        link = 'href="/organize/"'
        self.assertContains(self.browser.get("/"), link)
        for person in (self.alice, self.greta):
            self.assertNotContains(at_desk(person).get("/"), link)
        make_event(created_by=self.alice, auto_hold=False)
        self.assertContains(at_desk(self.alice).get("/"), link)
        self.assertNotContains(visit(headers=BROWSER).get("/"), link)

    def test_it_is_paged_and_asks_as_much_for_fifty_events_as_for_one(self) -> None:
        counts = []
        for count in (1, 49):
            fields = {"venue": "Hall", "capacity": 9, "created_by": self.olga, "auto_hold": False}
            events = Event.objects.bulk_create(
                Event(name=f"Event {n}", starts_at=later(days=n + 1), **fields) for n in range(count)
            )
            TicketHold.objects.bulk_create(TicketHold(event=event, user=self.alice) for event in events)
            counts.append(len(queries_of(lambda: self.browser.get("/organize/"))))
        self.assertEqual(counts[0], counts[1])
        self.assertLessEqual(counts[1], 8)
        self.assertEqual(len(self.names(self.browser)), 24)
        last = self.browser.get("/organize/?page=3")
        self.assertEqual(len(cards_of(last)), 2)
        self.assertContains(last, "Page 3 of 3")


class WayBackTests(OrganizerCase):
    def test_each_page_of_an_event_leads_back_to_where_one_came_from(self) -> None:
        event = make_event(auto_hold=False)
        crumb = f'<p class="crumb"><a href="{path(event)}">{event.name}</a></p>'
        for name in ("attendees", "messages", "gate_report", "analytics", "exports", "event_history"):
            with self.subTest(name=name):
                page = self.browser.get(reverse(name, args=[event.pk]))
                self.assertContains(page, crumb, html=True)
        for name in ("site_analytics", "import_events"):
            with self.subTest(name=name):
                page = self.browser.get(reverse(name))
                self.assertContains(page, '<p class="crumb"><a href="/organize/">Your events</a></p>', html=True)


class SecondFactorTests(OrganizerCase):
    def test_where_it_is_required_organizers_pages_ask_for_it(self) -> None:
        event = make_event(auto_hold=False)
        pages = ("/organize/", NEW, path(event), path(event, "edit/"), path(event, "cancelling/"))
        with self.settings(STAFF_NEED_SECOND_FACTOR=True):
            self.assertEqual({visit(self.olga, headers=JSON).get(page).status_code for page in pages}, {403})
            used = used_factor(visit(self.olga, headers=JSON), self.olga)
            self.assertEqual({used.get(page).status_code for page in pages}, {200})
