from typing import Any

from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from core import allocation
from core.models import Event, Ticket, TicketHold, User
from core.tests.cast import Cast, later, make_event, make_people, make_person, offer
from core.tests.visits import BROWSER, visit

BRACKETS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")
PASSWORD = "correct horse battery"


def queries_of(request: Any) -> list[str]:
    """Return the statements of a request, without what only brackets a transaction."""
    with CaptureQueriesContext(connection) as captured:
        request()
    return [query["sql"] for query in captured.captured_queries if not query["sql"].startswith(BRACKETS)]


def make_events(count: int, olga: User) -> None:
    Event.objects.bulk_create(
        Event(
            name=f"Event {n}", venue="Hall", capacity=9, starts_at=later(days=n + 1), created_by=olga, auto_hold=False
        )
        for n in range(count)
    )


class PageTests(Cast, TestCase):
    def occupy(self) -> None:
        """Give alice a place in line or a ticket and an offer of every event, with people before her in the lines."""
        people = [*self.crowd, self.alice]
        for n, event in enumerate(Event.objects.filter(places=None, tickets=None).order_by("pk")):
            if n % 3 == 1:
                Ticket.objects.create(event=event, user=self.alice, code=f"{event.pk}")
                offer(
                    Ticket.objects.create(event=event, user=self.bob, code=f"bob's {event.pk}"),
                    self.alice,
                    by=self.crowd[n // 3 % 9],
                )
            else:
                TicketHold.objects.bulk_create(TicketHold(event=event, user=person) for person in people)

    def test_lists_ask_as_much_for_two_hundred_events_as_for_five(self):
        self.crowd = make_people(9)
        pages = {"/": None, "/dashboard/": self.alice, "/dashboard/?page=2": self.alice, "/calendar/": self.alice}
        counts: list[dict[str, int]] = []
        for count in (5, 195):
            make_events(count, self.olga)
            self.occupy()
            counts.append({})
            for path, person in pages.items():
                browser = visit(person, headers=BROWSER)
                browser.get("/readyz")  # the first request of a login also holds places
                counts[-1][path] = len(queries_of(lambda b=browser, p=path: b.get(p)))
        # The moment is one of them on PostgreSQL. Behind the last page the events are counted, and asked once more.
        most = {"/": 2, "/dashboard/": 8, "/dashboard/?page=2": 8, "/calendar/": 5}
        clock = 1 if connection.vendor == "postgresql" else 0
        self.assertEqual(counts[1], {path: number - 1 + clock for path, number in most.items()})
        self.assertEqual(counts[0], counts[1] | {"/dashboard/?page=2": most["/dashboard/?page=2"] - 1 + clock + 2})

    def test_the_attendee_list_asks_as_much_for_fifty_as_for_one(self):
        event = make_event(capacity=100, auto_hold=False)
        browser = visit(self.olga, headers=BROWSER)
        browser.get("/readyz")
        browser.get(f"/events/{event.pk}/attendees/")  # the first look of ten minutes is entered in the trail
        counts = []
        for people in (make_people(1), make_people(49)):
            for person in people:
                allocation.book(event_id=event.pk, user=person)
            paths = (f"/events/{event.pk}/attendees/", f"/events/{event.pk}/attendees.csv")
            counts += [len(queries_of(lambda p=path: b"".join(browser.get(p)))) for path in paths]
        self.assertEqual(counts[:2], counts[2:])
        self.assertLessEqual(max(counts), 12)


class LoginTests(Cast, TestCase):
    def test_a_login_with_twenty_events_on_sale_asks_at_most_fourteen_times(self):
        make_person("carol", password=PASSWORD)
        make_events(20, self.olga)
        Event.objects.update(auto_hold=True)
        browser = visit(headers=BROWSER)
        browser.get("/accounts/login/")
        form = {"login": "carol", "password": PASSWORD}
        queries = queries_of(lambda: browser.post("/accounts/login/", form))
        self.assertEqual(TicketHold.objects.filter(status="held", user__username="carol").count(), 10)
        self.assertLessEqual(len(queries), 14, "\n".join(queries))


class WriteTests(Cast, TestCase):
    def test_booking_a_hold_asks_as_much_with_a_long_line_as_without(self):
        counts = []
        for waiting in (0, 50):
            event = make_event(capacity=1, auto_hold=False)
            client = visit(self.alice)
            allocation.join(event_id=event.pk, user=self.alice)
            for person in make_people(waiting):
                allocation.join(event_id=event.pk, user=person)
            client.get("/readyz")
            counts.append(len(queries_of(lambda e=event, c=client: c.post(f"/book/{e.pk}/"))))
        # The line is looked at once, and whoever has just joined is asked once for what they had before.
        self.assertLessEqual(counts[1] - counts[0], 2)
        self.assertLessEqual(counts[1], 20)
