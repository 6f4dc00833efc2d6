"""Events in the admin: their numbers, and changes that go through the allocation (rules 2, 3 and 19)."""

from typing import Any

from django.db import connection
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext

from core import steering
from core.models import Event, TicketHold, User

from .cast import Cast, book, join, lapse, later, make_event, make_people, numbers, statuses
from .desk import act, at_desk, employ, errors_of, filled, make_administrator, messages_of, rows_of

LIST = "/admin/core/event/"
ADD = "/admin/core/event/add/"
MANAGES_EVENTS = ("view_event", "add_event", "change_event", "delete_event")


def page_of(event: Event) -> str:
    return f"/admin/core/event/{event.pk}/change/"


class AdminCase(Cast, TestCase):
    root: User

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.root = make_administrator()

    def setUp(self) -> None:
        self.browser = at_desk(self.root)

    def change(self, event: Event, browser: Client | None = None, **typed: object) -> Any:
        """Open an event's form, type, and save; return the answer."""
        browser = browser or self.browser
        form: dict[str, Any] = filled(browser.get(page_of(event)))
        return browser.post(page_of(event), form | typed)


class ListTests(AdminCase):
    def test_it_asks_as_much_for_a_hundred_events_as_for_five(self) -> None:
        people, counts = make_people(3), []
        for count in (5, 95):
            fields = {"venue": "Hall", "capacity": 9, "starts_at": later(days=1), "created_by": self.olga}
            events = Event.objects.bulk_create(Event(name=f"Event {n}", **fields) for n in range(count))
            for person in people:
                TicketHold.objects.bulk_create(TicketHold(event=event, user=person) for event in events)
            with CaptureQueriesContext(connection) as captured:
                response = self.browser.get(LIST)
            counts.append(len(captured))
        self.assertEqual(len(rows_of(response)), 50)
        self.assertEqual(counts[0], counts[1])
        self.assertLessEqual(counts[1], 12, "\n".join(query["sql"] for query in captured.captured_queries))

    def test_it_shows_the_numbers_and_a_bar(self) -> None:
        event = make_event(capacity=3, auto_hold=False)
        first, second, third, *waiting = make_people(5)
        book(event, first)
        for person in (second, third, *waiting):
            join(event, person)
        response = self.browser.get(LIST)
        self.assertEqual([row[3:] for row in rows_of(response)], [["1 of 3 33%", "2", "0", "2", "1", "0"]])
        self.assertContains(response, '<progress value="1" max="3">33%</progress>', html=True)

    def test_a_lapsed_hold_that_nothing_swept_is_available_there(self) -> None:
        event = make_event(capacity=3, auto_hold=False)
        join(event, self.alice)
        lapse(TicketHold.objects.all())
        self.assertEqual(rows_of(self.browser.get(LIST))[0][3:], ["0 of 3 0%", "0", "3", "0", "0", "0"])

    def test_an_event_without_capacity_has_an_empty_bar(self) -> None:
        make_event(capacity=0, auto_hold=False)
        self.assertContains(self.browser.get(LIST), '<progress value="0" max="1">0%</progress>', html=True)

    def test_its_numbers_lead_to_the_tickets_and_places_of_the_event(self) -> None:
        event, other = make_event(capacity=1, auto_hold=False), make_event(auto_hold=False)
        for person in (self.alice, self.bob):
            book(other, person)
        book(event, self.alice)
        join(event, self.bob)
        found = []
        for model, live, column in (("ticket", "", 1), ("tickethold", "&live=yes", 0)):
            address = f"/admin/core/{model}/?event__id__exact={event.pk}{live}"
            self.assertContains(self.browser.get(page_of(event)), f'href="{address.replace("&", "&amp;")}"')
            found.append([row[column] for row in rows_of(self.browser.get(address))])
        self.assertEqual(found, [["alice"], ["bob"]])

    def test_it_can_be_searched_and_filtered(self) -> None:
        make_event(name="Jazz", venue="Club", auto_hold=False)
        make_event(name="Opera", status="draft", auto_hold=False)
        found = [
            [row[0] for row in rows_of(self.browser.get(LIST + query))]
            for query in ("?q=club", "?q=olga", "?status__exact=draft", "?q=alice")
        ]
        self.assertEqual(found, [["Jazz"], ["Opera", "Jazz"], ["Opera"], []])


class AddTests(AdminCase):
    def typed(self, **differs: str) -> dict[str, str]:
        moment = later(days=3)
        when = {"starts_at_0": f"{moment:%Y-%m-%d}", "starts_at_1": "20:00:00"}
        return filled(self.browser.get(ADD)) | {"name": "Opera", "venue": "House", "capacity": "9"} | when | differs

    def test_the_organizer_is_preset_to_whoever_is_typing(self) -> None:
        form = filled(self.browser.get(ADD))
        self.assertEqual((form["created_by"], form["status"]), (str(self.root.pk), "published"))

    def test_an_event_is_stored_with_numbers_of_nothing(self) -> None:
        response = self.browser.post(ADD, self.typed())
        self.assertEqual((response.status_code, response.headers["Location"]), (302, LIST))
        event = Event.objects.values("name", "venue", "capacity", "held", "booked", "created_by").get()
        organizer = {"created_by": self.root.pk}
        self.assertEqual(event, {"name": "Opera", "venue": "House", "capacity": 9, "held": 0, "booked": 0} | organizer)

    def test_one_that_is_published_at_once_lacks_nothing(self) -> None:
        opens = {"sales_open_at_0": f"{later(days=5):%Y-%m-%d}", "sales_open_at_1": "10:00:00"}
        closed = {"sales_close_at_0": "2020-01-01", "sales_close_at_1": "10:00:00"}
        for differs, said in (
            ({"capacity": "0"}, "Its capacity is 0: nobody could get in."),
            (opens, "Its sale would open after the event has started."),
            (closed, "Its sale closed on"),
        ):
            with self.subTest(said=said):
                response = self.browser.post(ADD, self.typed(**differs))
                self.assertEqual(response.status_code, 200)
                self.assertEqual([error.startswith(said) for error in errors_of(response)["__all__"]], [True])
                self.assertFalse(Event.objects.exists())
        self.assertEqual(self.browser.post(ADD, self.typed(capacity="0", status="draft")).status_code, 302)

    def test_a_bad_form_says_why_keeps_what_was_typed_and_stores_nothing(self) -> None:
        sales = {"sales_open_at_0": "2030-01-02", "sales_open_at_1": "10:00", "sales_close_at_0": "2030-01-01"}
        for differs, field in (
            ({"capacity": "-1"}, "capacity"),
            ({"time_zone": "Europe/Atlantis"}, "time_zone"),
            ({"ends_at_0": "2020-01-01", "ends_at_1": "10:00:00"}, "ends_at"),
            (sales | {"sales_close_at_1": "10:00"}, "sales_close_at"),
            ({"hold_minutes": "0"}, "hold_minutes"),
            ({"starts_at_0": "soon"}, "starts_at"),
            ({"name": ""}, "name"),
        ):
            with self.subTest(differs=differs):
                form = self.typed(description="Three acts", **differs)
                response = self.browser.post(ADD, form)
                self.assertEqual((response.status_code, list(errors_of(response))), (200, [field]))
                self.assertEqual(filled(response), form)
        self.assertEqual(Event.objects.count(), 0)


class CapacityTests(AdminCase):
    def test_below_what_is_booked_and_held_it_is_refused_with_the_number(self) -> None:
        event = make_event(capacity=5, auto_hold=False)
        book(event, self.alice)
        join(event, self.bob)
        before = Event.objects.values().get()
        response = self.change(event, name="Renamed", description="Typed with care", capacity="1")
        sentence = "Booked or held: 2. The capacity must be at least 2."
        self.assertEqual((response.status_code, errors_of(response)), (200, {"capacity": [sentence]}))
        kept = {name: filled(response)[name] for name in ("name", "description", "capacity")}
        self.assertEqual(kept, {"name": "Renamed", "description": "Typed with care", "capacity": "1"})
        self.assertEqual(Event.objects.values().get(), before)

    def test_it_can_be_lowered_to_exactly_that_number(self) -> None:
        event = make_event(capacity=5, auto_hold=False)
        book(event, self.alice)
        self.assertEqual(self.change(event, capacity="1").status_code, 302)
        self.assertEqual(Event.objects.get().capacity, 1)

    def test_a_lapsed_hold_that_nothing_swept_does_not_keep_it_up(self) -> None:
        event = make_event(capacity=1, auto_hold=False)
        join(event, self.alice)
        lapse(TicketHold.objects.all())
        self.assertEqual(self.change(event, capacity="0").status_code, 302)
        self.assertEqual((statuses(event), Event.objects.get().capacity), ([("alice", "expired")], 0))

    def test_raised_it_serves_the_line(self) -> None:
        event = make_event(capacity=1, auto_hold=False)
        for person in (self.alice, self.bob, self.greta):
            join(event, person)
        self.change(event, capacity="2")
        self.assertEqual(statuses(event), [("alice", "held"), ("bob", "held"), ("greta", "waiting")])
        self.assertEqual(numbers(event), {"held": 2, "booked": 0, "waiting": 1})

    def test_who_was_faster_than_the_form_makes_it_an_error_of_the_form(self) -> None:
        event = make_event(capacity=1, auto_hold=False)
        TicketHold.objects.create(event=event, user=self.alice)  # joined, and served by the save's own transaction
        response = self.change(event, name="Renamed", capacity="0")
        sentence = "Booked: 0, held: 1. The capacity cannot go below 1."
        self.assertEqual((response.status_code, errors_of(response)), (200, {"__all__": [sentence]}))
        self.assertEqual((filled(response)["name"], filled(response)["capacity"]), ("Renamed", "0"))
        self.assertEqual(Event.objects.values_list("name", "capacity").get(), ("Concert", 1))
        self.assertEqual(self.change(event, name="Renamed").status_code, 302)


class ChangeTests(AdminCase):
    def test_a_form_that_was_opened_before_a_sale_keeps_the_numbers(self) -> None:
        event = make_event(capacity=5, auto_hold=False)
        stale: dict[str, Any] = filled(self.browser.get(page_of(event)))
        book(event, self.alice)
        join(event, self.bob)
        forged = {"held": "0", "booked": "0", "version": "0"}
        self.assertEqual(self.browser.post(page_of(event), stale | forged | {"name": "Renamed"}).status_code, 302)
        self.assertEqual(numbers(event), {"held": 1, "booked": 1, "waiting": 0})
        self.assertEqual(Event.objects.values_list("name", "version").get(), ("Renamed", 3))

    def test_what_a_colleague_has_saved_since_the_form_was_opened_stays(self) -> None:
        event = make_event(capacity=5, auto_hold=False)
        form = filled(self.browser.get(page_of(event)))
        steering.revise_event(event_id=event.pk, values={"capacity": 9, "status": "cancelled"})
        self.assertEqual(self.browser.post(page_of(event), form | {"name": "New name"}).status_code, 302)
        self.assertEqual(Event.objects.values_list("name", "capacity", "status").get(), ("New name", 9, "cancelled"))

    def test_saved_without_a_change_nothing_is_written(self) -> None:
        event = make_event(auto_hold=False, hold_minutes="2.5", sales_open_at=later(days=1), ends_at=later(days=8))
        before = Event.objects.values().get()
        self.assertEqual(self.change(event).status_code, 302)
        self.assertEqual(Event.objects.values().get(), before)

    def test_cancelling_ends_places_and_keeps_tickets_on_record(self) -> None:
        event = make_event(capacity=2, auto_hold=False)
        ticket = book(event, self.greta)
        join(event, self.alice)
        join(event, self.bob)
        self.change(event, status="cancelled")
        self.assertEqual(statuses(event), [("alice", "released"), ("bob", "left")])
        ticket.refresh_from_db()
        self.assertEqual((ticket.status, ticket.cancelled_at), ("cancelled", None))
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})

    def test_hiding_an_event_in_use_as_a_draft_is_refused_in_words(self) -> None:
        booked, held, waited = make_event(auto_hold=False), make_event(auto_hold=False), make_event(capacity=0)
        book(booked, self.alice)
        join(held, self.alice)
        join(waited, self.alice)
        sentence = "People have places or tickets for this event. Cancel it instead of hiding it as a draft."
        for event in (booked, held, waited):
            with self.subTest(event=event.pk):
                response = self.change(event, status="draft", venue="Elsewhere")
                self.assertEqual((response.status_code, errors_of(response)), (200, {"__all__": [sentence]}))
                self.assertEqual((filled(response)["status"], filled(response)["venue"]), ("draft", "Elsewhere"))
        self.assertEqual(list(Event.objects.values_list("status", "venue").distinct()), [("published", "Hall")])

    def test_a_draft_is_not_published_somewhere_that_is_nowhere(self) -> None:
        event = make_event(auto_hold=False, status="draft")
        response = self.change(event, status="published", time_zone="Europe/Atlantis")
        self.assertEqual((response.status_code, list(errors_of(response))), (200, ["time_zone"]))

    def test_an_unused_event_can_be_hidden_and_published(self) -> None:
        event = make_event(auto_hold=False)
        for status in ("draft", "published"):
            self.change(event, status=status)
            self.assertEqual(Event.objects.get().status, status)


class DeleteTests(AdminCase):
    def delete(self, event: Event) -> Any:
        return self.browser.post(f"/admin/core/event/{event.pk}/delete/", {"post": "yes"})

    def test_an_event_that_nobody_used_can_be_deleted(self) -> None:
        kept, event = make_event(name="Kept"), make_event(auto_hold=False)
        self.assertEqual(self.delete(event).status_code, 302)
        self.assertEqual(list(Event.objects.all()), [kept])

    def test_an_event_in_use_cannot_and_it_says_what_to_do(self) -> None:
        event = make_event(capacity=0, auto_hold=False)
        join(event, self.alice)
        response = self.delete(event)
        sentence = (
            "“Concert” has places, tickets, scans or a ledger, which stay on record: it cannot be deleted."
            " Cancel it instead."
        )
        answer = (response.status_code, response.headers["Location"], messages_of(response))
        self.assertEqual(answer, (302, page_of(event), [sentence]))
        self.assertEqual(Event.objects.count(), 1)

    def test_there_is_no_bulk_deletion(self) -> None:
        event = make_event(auto_hold=False)
        act(self.browser, "event", "delete_selected", [event], post="yes")
        self.assertEqual(list(Event.objects.all()), [event])


class OrganizerTests(AdminCase):
    def setUp(self) -> None:
        employ(self.olga, *MANAGES_EVENTS)
        self.browser = at_desk(self.olga)
        self.own = make_event(name="Own", auto_hold=False)
        self.foreign = make_event(name="Foreign", created_by=self.root, auto_hold=False)

    def test_an_organizer_sees_only_their_own_events(self) -> None:
        self.assertEqual([row[0] for row in rows_of(self.browser.get(LIST))], ["Own"])
        self.assertEqual([row[0] for row in rows_of(self.browser.get(LIST + "?q=Foreign"))], [])
        codes = [self.browser.get(page_of(event)).status_code for event in (self.own, self.foreign)]
        self.assertEqual(codes, [200, 302])

    def test_an_organizer_changes_only_their_own_events(self) -> None:
        form = filled(self.browser.get(page_of(self.own))) | {"name": "Taken"}
        for event in (self.own, self.foreign):
            self.browser.post(page_of(event), form)
        self.browser.post(f"/admin/core/event/{self.foreign.pk}/delete/", {"post": "yes"})
        self.assertEqual(list(Event.objects.order_by("pk").values_list("name", flat=True)), ["Taken", "Foreign"])

    def test_an_organizer_can_give_no_event_to_somebody_else(self) -> None:
        form = filled(self.browser.get(page_of(self.own)))
        self.assertNotIn("created_by", form)
        stranger = {"created_by": str(self.alice.pk)}
        self.browser.post(page_of(self.own), form | stranger)
        new = form | stranger | {"name": "New", "line_policy": "login_fifo"}
        self.assertEqual(self.browser.post(ADD, new).status_code, 302)
        mine = Event.objects.filter(created_by=self.olga).order_by("pk")
        self.assertEqual(list(mine.values_list("name", flat=True)), ["Own", "New"])
