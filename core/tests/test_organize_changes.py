"""Events are made, changed and copied in their form; what is wrong is said, and what was typed is kept."""

import datetime as dt
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from core import organizing
from core.models import Announcement, AuditEntry, Event, TicketHold
from core.refusals import EventCancelled
from core.telling import everybody

from .cast import ago, book, join, later, make_event, make_people, make_person, numbers, revise, statuses
from .desk import filled
from .organizers import CREATE, NEW, OrganizerCase, path, trail_of
from .test_query_counts import queries_of
from .visits import answer_of, redirect_of, visit


class CreateTests(OrganizerCase):
    def test_a_new_event_is_a_draft_of_whoever_makes_it(self) -> None:
        created = self.browser.post(CREATE, self.typed(status="published", created_by=str(self.alice.pk)))
        event = Event.objects.get()
        told = ["Saved as a draft, which only you see. Publish it when it is ready."]
        self.assertEqual(redirect_of(created), (302, path(event), told))
        self.assertEqual((event.name, event.created_by, event.status), ("Opera", self.olga, "draft"))
        self.assertEqual(trail_of(event), [("olga", "event_created", "")])

    def test_a_bad_form_says_why_at_the_field_keeps_all_that_was_typed_and_stores_nothing(self) -> None:
        yesterday, day = f"{ago(days=1):%Y-%m-%d}", f"{later(days=3):%Y-%m-%d}"
        sales = {"sales_open_at_0": day, "sales_open_at_1": "10:00", "sales_close_at_0": day}
        for differs, field, word in (
            ({"name": ""}, "name", "This cannot be left empty."),
            ({"capacity": "-1"}, "capacity", "Type a number of at least 0."),
            ({"capacity": "many"}, "capacity", "Type a whole number, in digits."),
            ({"starts_at_0": yesterday}, "starts_at", "This moment has passed"),
            ({"starts_at_0": "soon"}, "starts_at", "There is no such day"),
            ({"starts_at_0": ""}, "starts_at", "Type a day and a time."),
            ({"ends_at_1": "22:00"}, "ends_at", "Add the day, or leave both empty."),
            ({"ends_at_0": day}, "ends_at", "Add the time, or leave both empty."),
            ({"name": "x" * 214}, "name", "At most 200 characters: this has 214."),
            ({"capacity": "1000001"}, "capacity", "Type a number of at most 1000000."),
            ({"ends_at_0": day, "ends_at_1": "19:59"}, "ends_at", "must end after it starts"),
            (sales | {"sales_close_at_1": "09:00"}, "sales_close_at", "must close after they open"),
            ({"hold_minutes": "0"}, "hold_minutes", "more than 0, less than 10,000"),
            ({"line_policy": "randomised_open"}, "sales_open_at", "set a moment in the future"),
        ):
            with self.subTest(differs=differs):
                form = self.typed(description="Three acts", **differs)
                response = self.browser.post(CREATE, form)
                errors = response.context["form"].errors
                self.assertEqual((response.status_code, list(errors)), (400, [field]))
                self.assertIn(word, str(errors[field]))
                self.assertEqual(filled(response), form)
        self.assertEqual((Event.objects.count(), AuditEntry.objects.count()), (0, 0))

    def test_what_publishing_would_refuse_of_a_draft_is_said_as_soon_as_it_is_saved(self) -> None:
        day = f"{later(days=4):%Y-%m-%d}"
        late = self.typed(capacity="0", sales_open_at_0=day, sales_open_at_1="20:00")
        lacks = "Its capacity is 0: nobody could get in. Its sale would open after the event has started."
        said = redirect_of(self.browser.post(CREATE, late))[2]
        told = "Saved as a draft, which only you see. Publish it when it is ready. Before it can be published:"
        self.assertEqual(said, [f"{told} {lacks}"])
        event = Event.objects.get()
        self.assertEqual(
            redirect_of(self.change(event, venue="Hall"))[2][-1], f"Saved. Before it can be published: {lacks}"
        )
        refused = redirect_of(self.browser.post(path(event, "publish/")))[2][-1]
        kept = "Not published: it stays a draft, as it was saved."
        self.assertEqual(refused, f"{kept} {lacks}")  # the same sentences
        done = self.change(event, capacity="5", sales_open_at_0="", sales_open_at_1="")
        self.assertEqual(redirect_of(done)[2][-1], "Saved.")

    def test_a_text_that_is_too_long_is_taken_whole_and_each_such_field_says_how_long_it_is(self) -> None:
        form = self.typed(name="x" * 300, venue="y" * 201)
        page = self.browser.get(NEW)
        self.assertNotContains(page, "maxlength")
        response = self.browser.post(CREATE, form)
        said = {"name": ["At most 200 characters: this has 300."], "venue": ["At most 200 characters: this has 201."]}
        self.assertEqual((response.status_code, response.context["form"].errors), (400, said))
        self.assertEqual(filled(response), form)

    def test_a_program_is_told_the_field_and_the_reason(self) -> None:
        response = visit(self.olga).post(CREATE, self.typed(capacity="-1"))
        status, told = answer_of(response)
        self.assertEqual((status, told["status"], told["field"]), (400, "invalid", "capacity"))


class ChangeTests(OrganizerCase):
    def test_what_is_typed_is_changed_by_the_rules_of_the_line_and_stands_in_the_history(self) -> None:
        event = make_event(capacity=1, auto_hold=False)
        for person in (self.alice, self.bob, self.greta):
            join(event, person)
        saved = self.change(event, capacity="2", venue="Church")
        self.assertEqual(redirect_of(saved), (302, path(event), ["Saved. 3 people will be told by mail."]))
        self.assertEqual(statuses(event), [("alice", "held"), ("bob", "held"), ("greta", "waiting")])
        self.assertEqual(trail_of(event), [("olga", "event_changed", "Venue: Hall → Church; Capacity: 1 → 2")])

    def test_the_history_has_what_changed_in_the_words_of_the_form_and_the_zone_of_the_event(self) -> None:
        starts_at = dt.datetime(2035, 6, 1, 18, 0, tzinfo=dt.UTC)
        event = make_event(time_zone="Europe/Oslo", starts_at=starts_at, hold_minutes="2.5", auto_hold=False)
        self.change(event, starts_at_1="21:30", hold_minutes="10", description="Three acts")
        self.change(event, time_zone="Asia/Tokyo")
        details = [detail for _, _, detail in trail_of(event)]
        starts = "Starts: Fri 1 Jun 2035, 20:00 CEST → Fri 1 Jun 2035, 21:30 CEST"
        self.assertEqual(details[0], f"Description: changed; {starts}; Minutes that a place is held: 2.5 → 10")
        moved = "Starts: Fri 1 Jun 2035, 21:30 CEST → Fri 1 Jun 2035, 21:30 JST"
        self.assertEqual(details[1], f"Time zone: Europe/Oslo → Asia/Tokyo; {moved}")
        page = self.browser.get(f"/events/{event.pk}/history/")
        self.assertContains(page, "Times are in Asia/Tokyo.")
        at = AuditEntry.objects.latest("pk").at.astimezone(ZoneInfo("Asia/Tokyo"))
        self.assertContains(page, f"{at:%H:%M:%S} JST")

    def test_what_a_colleague_has_typed_as_well_is_no_change(self) -> None:
        event = make_event(venue="Hall", auto_hold=False)
        form: dict[str, Any] = filled(self.browser.get(path(event, "edit/")))
        revise(event, venue="Church")
        saved = self.browser.post(path(event, "save/"), form | {"venue": "Church"})
        self.assertEqual((redirect_of(saved)[2], trail_of(event)), (["Nothing was changed."], []))

    def test_saved_without_a_change_nothing_is_written(self) -> None:
        event = make_event(auto_hold=False, hold_minutes="2.5", sales_open_at=ago(days=1), ends_at=later(days=8))
        before = Event.objects.values().get()
        self.assertEqual(redirect_of(self.change(event))[2], ["Nothing was changed."])
        self.assertEqual((Event.objects.values().get(), trail_of(event)), (before, []))

    def test_a_capacity_below_what_is_sold_is_refused_with_the_number(self) -> None:
        event = make_event(capacity=5, auto_hold=False)
        book(event, self.alice)
        join(event, self.bob)
        response = self.change(event, name="Renamed", capacity="1")
        sentence = "Booked or held: 2. The capacity must be at least 2."
        self.assertEqual((response.status_code, response.context["form"].errors), (400, {"capacity": [sentence]}))
        self.assertEqual((filled(response)["name"], filled(response)["capacity"]), ("Renamed", "1"))
        self.assertEqual(Event.objects.values_list("name", "capacity").get(), ("Concert", 5))

    def test_who_was_faster_than_the_form_makes_it_an_error_of_the_form(self) -> None:
        event = make_event(capacity=1, auto_hold=False)
        TicketHold.objects.create(event=event, user=self.alice)  # joined, and served by the save's own transaction
        response = self.change(event, name="Renamed", capacity="0")
        self.assertEqual(response.status_code, 400)
        self.assertIn("The capacity cannot go below 1", str(response.context["form"].errors["__all__"]))
        self.assertEqual((filled(response)["name"], Event.objects.get().name), ("Renamed", "Concert"))
        self.assertContains(response, "<h1>Change the event</h1>", status_code=400)

    def test_an_event_that_is_yet_to_come_is_not_moved_into_the_past(self) -> None:
        event, over = make_event(auto_hold=False), make_event(starts_at=ago(days=9), auto_hold=False)
        yesterday = f"{ago(days=1):%Y-%m-%d}"
        refused = self.change(event, starts_at_0=yesterday)
        self.assertEqual((refused.status_code, list(refused.context["form"].errors)), (400, ["starts_at"]))
        self.assertEqual(self.change(over, starts_at_0=yesterday).status_code, 302)  # a correction

    def test_a_form_that_was_opened_before_a_sale_keeps_the_numbers_and_what_a_colleague_has_saved(self) -> None:
        event = make_event(capacity=5, auto_hold=False)
        stale: dict[str, Any] = filled(self.browser.get(path(event, "edit/")))
        book(event, self.alice)
        organizing.revise(event_id=event.pk, values={"capacity": 9})
        forged = {"booked": "0", "status": "cancelled", "created_by": str(self.bob.pk)}
        self.browser.post(path(event, "save/"), stale | forged | {"name": "Renamed"})
        self.assertEqual(numbers(event), {"held": 0, "booked": 1, "waiting": 0})
        found = Event.objects.values_list("name", "capacity", "status", "created_by").get()
        self.assertEqual(found, ("Renamed", 9, "published", self.olga.pk))

    def test_the_terms_of_the_line_are_typed_until_people_rely_on_them(self) -> None:
        event = make_event(sales_open_at=later(days=1), auto_hold=False)
        form = filled(self.browser.get(path(event, "edit/")))
        self.assertIn("line_policy", form)
        organizing.revise(event_id=event.pk, values={"sales_open_at": None})
        page = self.browser.get(path(event, "edit/"))
        self.assertNotIn("line_policy", filled(page))
        self.assertContains(page, "In order of login")
        late = self.browser.post(path(event, "save/"), form | {"line_policy": "randomised_open"})
        self.assertEqual((late.status_code, Event.objects.get().line_policy), (400, "login_fifo"))


class LateChangeTests(OrganizerCase):
    """What the form of an event that has started says, and that this is true; one that is cancelled has none."""

    PROMISE = "is told by mail, a minute later"
    NOBODY = "nobody is written to"

    def told_of(self, event: Event) -> tuple[bool, bool]:
        """Return whether the form promises mails, and whether it says that there are none."""
        page = self.browser.get(path(event, "edit/")).content.decode()
        return self.PROMISE in page, self.NOBODY in page

    def test_a_change_of_what_is_to_come_is_told_and_the_form_says_so(self) -> None:
        event = make_event(auto_hold=False)
        self.assertEqual(self.told_of(event), (True, False))
        self.change(event, venue="Church")
        self.assertEqual(Announcement.objects.get().kind, "changed")

    def test_saved_it_says_how_many_people_will_be_told_and_nothing_where_nobody_is(self) -> None:
        event = make_event(capacity=2, venue="Hall", auto_hold=False)
        self.assertEqual(redirect_of(self.change(event, venue="Church"))[2], ["Saved."])
        self.bob.email, self.greta.is_active = "", False  # these two cannot be told
        self.bob.save()
        self.greta.save()
        for person in (self.alice, self.bob, self.greta):
            TicketHold.objects.create(event=event, user=person)
        one = redirect_of(self.change(event, venue="Tent"))[2][-1]
        self.assertEqual(one, "Saved. 1 person will be told by mail.")
        join(event, make_person("dora"))
        self.assertEqual(redirect_of(self.change(event, name="Opera"))[2][-1], "Saved.")
        two = redirect_of(self.change(event, venue="Barn"))[2][-1]
        self.assertEqual(two, "Saved. 2 people will be told by mail.")
        self.assertEqual(everybody.people_of(Announcement.objects.get()).count(), 2)
        self.assertEqual(redirect_of(self.change(event, venue="Hall"))[2][-1], "Saved.")  # as they know it
        self.assertFalse(Announcement.objects.exists())

    def test_the_number_is_asked_for_once_however_many_they_are(self) -> None:
        counts = []
        for people in (1, 30):
            event = make_event(capacity=50, auto_hold=False)
            TicketHold.objects.bulk_create(TicketHold(event=event, user=person) for person in make_people(people))
            counts.append(len(queries_of(partial(everybody.people_to_tell, event))))
            self.change(event, venue="Church")
            self.assertEqual(everybody.people_to_tell(event), people)
            counts.append(len(queries_of(partial(everybody.people_to_tell, event))))
        self.assertEqual(counts, [1, 2, 1, 2])

    def test_one_of_what_has_started_is_not_and_the_form_says_that(self) -> None:
        over = make_event(starts_at=ago(days=1), auto_hold=False)
        self.assertEqual(self.told_of(over), (False, True))
        self.assertContains(self.browser.get(path(over, "edit/")), "This event has started.")
        self.assertEqual(redirect_of(self.change(over, venue="Church"))[2], ["Saved."])
        self.assertFalse(Announcement.objects.exists())

    def test_a_cancelled_event_stays_as_it_was_and_its_page_leads_back(self) -> None:
        event = make_event(venue="Hall", auto_hold=False)
        form: dict[str, Any] = filled(self.browser.get(path(event, "edit/")))
        organizing.cancel(event_id=event.pk, reason="A storm")
        page = self.browser.get(path(event, "edit/"))
        self.assertContains(page, "nothing of it can be changed any more")
        self.assertContains(page, f'<a href="{path(event)}">back to the event</a>')
        self.assertNotContains(page, path(event, "save/"))
        told = redirect_of(self.browser.post(path(event, "save/"), form | {"venue": "Church"}))
        self.assertEqual(told, (302, path(event), [EventCancelled.detail]))
        status, said = answer_of(visit(self.olga).post(path(event, "save/"), form | {"venue": "Church"}))
        self.assertEqual((status, said["status"]), (409, "cancelled"))
        wrong = self.browser.post(path(event, "save/"), form | {"venue": ""})
        self.assertContains(wrong, "nothing of it can be changed any more", status_code=400)
        self.assertEqual(
            (Event.objects.get().venue, [done for _, done, _ in trail_of(event)]), ("Hall", ["event_cancelled"])
        )

    def test_what_has_started_and_is_moved_into_the_future_is_told_as_the_form_says(self) -> None:
        event = make_event(starts_at=ago(days=1), auto_hold=False)
        self.assertContains(self.browser.get(path(event, "edit/")), "unless you move its start into the future")
        self.change(event, starts_at_0=f"{later(days=5):%Y-%m-%d}")
        self.assertEqual(Announcement.objects.get().kind, "changed")

    def test_a_draft_and_a_new_event_promise_nothing(self) -> None:
        self.assertEqual(self.told_of(make_event(status="draft", starts_at=ago(days=1))), (False, False))
        self.assertNotContains(self.browser.get(NEW), self.NOBODY)


class DuplicateTests(OrganizerCase):
    def test_the_copy_is_a_draft_with_the_same_dates_and_nothing_of_the_line(self) -> None:
        event = make_event(
            name="x" * 200, capacity=3, ends_at=later(days=8), time_zone="Asia/Tokyo", hold_minutes="7.5",
            tier_shares={"members": 10}, description="Three acts", image="events/a.png", auto_hold=False,
        )  # fmt: skip
        book(event, self.alice)
        event.gate_staff.add(self.bob)
        copied = self.browser.post(path(event, "duplicate/"))
        copy = Event.objects.exclude(pk=event.pk).get()
        told = ["This is a copy, as a draft, with the dates of the original: change them before you publish it."]
        self.assertEqual(redirect_of(copied), (302, path(copy, "edit/"), told))
        same = ("starts_at", "ends_at", "time_zone", "hold_minutes", "tier_shares", "description", "image", "capacity")
        for name in same:
            self.assertEqual(getattr(copy, name), getattr(Event.objects.get(pk=event.pk), name))
        kept = (copy.name, copy.status, copy.booked, copy.created_by, list(copy.gate_staff.all()))
        self.assertEqual(kept, (f"{'x' * 193} (copy)", "draft", 0, self.olga, []))
        self.assertNotEqual((copy.draw_seed, copy.pseudonym_key), (event.draw_seed, event.pseudonym_key))
        self.assertEqual(trail_of(copy), [("olga", "event_created", f"Copy of event {event.pk}")])

    def test_who_may_make_no_events_cannot_copy_one_either(self) -> None:
        event = make_event(created_by=self.bob, auto_hold=False)
        self.assertEqual(visit(self.bob).post(path(event, "duplicate/")).status_code, 404)
        self.assertEqual(Event.objects.count(), 1)
