"""The ledger in words, as the fairness page tells it: every entry as one plain sentence."""

import datetime as dt

from django.contrib.auth.models import Group
from django.test import TestCase, override_settings

from core import allocation, steering, transfer
from core.models import Cause, Event, LedgerEntry, TicketHold, User

from .books import who
from .cast import Cast, HandClock, ago, arrive, book, give, join, later, make_event, release
from .visits import visit


class SentenceTests(Cast, TestCase):
    def setUp(self) -> None:
        self.clock = self.enterContext(HandClock())
        self.clock.at = dt.datetime(2026, 5, 1, 12, 0, 0, 123456, dt.UTC)

    def told(self, event: Event) -> list[str]:
        """Return the sentences of the page, oldest first, with user names in place of pseudonyms."""
        names = {who(event, user.pk): f"{user.username} " for user in User.objects.all()}
        entries = visit().get(f"/events/{event.pk}/fairness/").context["entries"]
        return [names.get(entry.person, "") + entry.sentence for entry in reversed(entries)]

    @override_settings(TIERS=["members"])
    def test_each_entry_is_one_plain_sentence(self):
        Group.objects.create(name="members").user_set.add(self.greta)
        event = make_event(
            capacity=2, tier_shares={"members": 50}, starts_at=later(days=2), sales_open_at=later(days=1)
        )
        a, g = join(event, self.alice, arrive(self.alice, ago(days=2))), join(event, self.greta)
        self.clock.move(days=1)
        allocation.serve(event.pk)
        time = "12:00:00.123456"
        terms = (
            "From here on this holds: 2 places; in order of login; the event starts Sun 3 May 2026, 12:00:00;"
            " the sale opens Sat 2 May 2026, 12:00:00; members are served first for up to 1;"
            " a hold lasts 10 minutes."
        )
        self.assertEqual(
            self.told(event),
            [
                terms,
                f"alice joined the line, ranked by Wed 29 Apr 2026, {time} (place no. {a.pk}).",
                f"greta joined the line in tier 1 (members), ranked by Fri 1 May 2026, {time} (place no. {g.pk}).",
                "The sale opened.",
                f"greta is held a ticket until 12:10:00 (place no. {g.pk}).",
                f"alice is held a ticket until 12:10:00 (place no. {a.pk}).",
            ],
        )

    def test_staff_are_told_with_their_reasons_and_ends_with_their_causes(self):
        event = make_event(capacity=1)
        place, waiting = join(event, self.alice), join(event, self.bob)
        steering.extend_holds(event_id=event.pk, minutes=2.5, reason="An outage.")
        steering.extend_hold(event_id=event.pk, hold_id=place.pk, minutes=1.5, reason="A lift stood still.")
        steering.pause(event_id=event.pk, reason="A fire alarm.")
        steering.resume(event_id=event.pk, reason="It was none.")
        release(event, self.bob)
        bought = book(event, self.alice)
        allocation.cancel_ticket(ticket_id=bought.pk, cause=Cause.CANCELLED_BY_STAFF, reason="Paid twice.")
        direct = book(event, self.greta)
        longer = (
            "alice is held the ticket for 1.5 min longer: staff moved the end of this hold"
            f" (place no. {place.pk}). Their reason: “A lift stood still.”"
        )
        self.assertEqual(
            self.told(event)[4:],
            [
                "Staff moved the end of every hold by 2.5 min. Their reason: “An outage.”",
                longer,
                "Staff paused serving. Their reason: “A fire alarm.”",
                "Staff resumed serving. Their reason: “It was none.”",
                f"bob left the line: they gave it up (place no. {waiting.pk}).",
                f"alice booked ticket no. {bought.pk}, which was held (place no. {place.pk}).",
                f"alice no longer has ticket no. {bought.pk}: staff cancelled it. Their reason: “Paid twice.”",
                f"greta booked ticket no. {direct.pk} directly: a place was free, and nobody waited.",
            ],
        )

    def test_who_was_given_a_ticket_and_who_has_a_new_code_is_told(self):
        event = make_event(capacity=1)
        ticket = book(event, self.alice)
        new = transfer.reissue(ticket_id=ticket.pk, by_staff=True, reason="Seen in a photo.")
        place = join(event, self.bob)
        theirs = give(new, self.bob)
        remark = "Their reason: “Seen in a photo.”"
        bob = who(event, self.bob.pk)
        self.assertEqual(
            self.told(event)[2:],
            [
                f"alice was given a new code: ticket no. {new.pk} for ticket no. {ticket.pk}. {remark}",
                f"bob joined the line, ranked by 12:00:00.123456 (place no. {place.pk}).",
                f"bob left the line: somebody gave them a ticket (place no. {place.pk}).",
                f"alice gave ticket no. {new.pk} to {bob}, who has ticket no. {theirs.pk} for it.",
            ],
        )

    def test_who_was_given_a_ticket_finds_that_among_their_entries_and_others_do_not(self):
        event = make_event(capacity=2)
        give(book(event, self.alice), self.bob)
        give(book(event, self.greta), self.olga)
        for person, entries, told in ((self.bob, 1, 1), (self.alice, 2, 0), (self.olga, 1, 1)):
            page = visit(person).get(f"/events/{event.pk}/fairness/?person=mine")
            with self.subTest(person=person):
                self.assertEqual(len(page.context["entries"]), entries)
                self.assertContains(page, ">to you<", told)

    def test_new_terms_and_lapsed_holds_are_told(self):
        event = make_event(capacity=1)
        lapsed, held = join(event, self.alice), join(event, self.bob)
        self.clock.move(minutes=10)
        steering.revise_event(event_id=event.pk, values={"capacity": 2})
        raised = join(event, self.greta)
        terms = (
            "The capacity was raised. From here on this holds: 2 places; in order of login;"
            " the event starts Fri 8 May 2026, 12:00:00; a hold lasts 10 minutes."
        )
        self.assertEqual(
            self.told(event)[3:],
            [
                f"bob joined the line, ranked by 12:00:00.123456 (place no. {held.pk}).",
                f"alice did not book in time, so that the hold ended (place no. {lapsed.pk}).",
                f"bob is held a ticket until 12:20:00 (place no. {held.pk}).",
                terms,
                f"greta joined the line, ranked by 12:10:00.123456 (place no. {raised.pk}).",
                f"greta is held a ticket until 12:20:00 (place no. {raised.pk}).",
            ],
        )

    def test_every_cause_has_its_words(self):
        event = make_event(capacity=1, auto_hold=False)
        for cause in set(Cause) - {Cause.LAPSED, Cause.RESUMED, Cause.CAPACITY_RAISED, Cause.SALE_EXTENDED}:
            join(event, self.alice)
            allocation.end_places(TicketHold.objects.filter(user=self.alice), cause=cause)
            with self.subTest(cause=cause):
                self.assertNotIn(f": {cause} (", self.told(event)[-1])

    def test_what_it_has_no_words_for_hides_nothing_else(self):
        event = make_event()
        join(event, self.alice)
        for text in ('{"seq":4,"at":"2026-05-01T10:00:00+00:00","kind":"refund"}', "[]", '{"kind":"hold"}'):
            seq = LedgerEntry.objects.filter(event=event).count() + 1
            LedgerEntry.objects.create(event=event, seq=seq, text=text, seal="0" * 64)
            Event.objects.filter(pk=event.pk).update(ledger_seq=seq)
        told = self.told(event)
        self.assertEqual(told[3:], ["– this entry has no words here. It stands in the file."] * 3)
        self.assertIn("alice joined the line", told[1])

    def test_what_staff_write_is_text_and_no_markup(self):
        event = make_event()
        steering.pause(event_id=event.pk, reason="<script>alert(1)</script> {place} %s")
        page = visit().get(f"/events/{event.pk}/fairness/").content.decode()
        self.assertNotIn("<script>alert", page)
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt; {place} %s", page)

    def test_moments_are_in_the_zone_of_the_event(self):
        event = make_event(time_zone="Asia/Tokyo")
        LedgerEntry.objects.create(
            event=event,
            seq=1,
            text='{"seq":1,"at":"2026-05-01T20:00:00+00:00","kind":"resume","reason":""}',
            seal="0" * 64,
        )
        Event.objects.filter(pk=event.pk).update(ledger_seq=1)
        response = visit().get(f"/events/{event.pk}/fairness/")
        self.assertEqual(response.context["entries"][0].at, "Sat 2 May 2026, 05:00:00")
