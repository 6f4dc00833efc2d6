"""What the organizer sees of the gate: attendance, conflicts, scans, and who stands there."""

import datetime as dt
from typing import Any

from django.core.cache import cache
from django.test import override_settings

from core import allocation
from core.checkin.attendance import MOST_BARS, MOST_GATES, NO_NAME, OTHERS, attendance
from core.drawing import WIDEST
from core.models import AuditEntry, Scan, Ticket
from core.tests.cast import make_event, make_people, make_person
from core.tests.test_bad_logins import PASSWORD
from core.tests.test_gate import OWN_CACHE, GateCase
from core.tests.test_query_counts import queries_of
from core.tests.visits import BROWSER, answer_of, redirect_of, target_of, visit

EVENING = dt.datetime(2026, 5, 1, 19, 0, tzinfo=dt.UTC)


class ReportCase(GateCase):
    def setUp(self) -> None:
        super().setUp()
        self.browser = visit(self.olga, headers=BROWSER)
        self.address = f"/events/{self.event.pk}/gate/"

    def let_in(self, gate: str, *minutes: float, **fields: Any) -> None:
        """Store that somebody was let in so many minutes after 19:00."""
        for n in minutes:
            at = EVENING + dt.timedelta(minutes=n)
            defaults: dict[str, Any] = {"outcome": "admitted", "let_in": True, "scanned_at": at, "recorded_at": at}
            Scan.objects.create(event=self.event, staff=self.greta, gate=gate, **defaults | fields)

    def page(self) -> str:
        return self.browser.get(self.address).content.decode()


class AttendanceTests(ReportCase):
    def test_each_bar_counts_those_let_in_by_gate(self) -> None:
        self.let_in("North", 0, 1, 1, 6)
        self.let_in("South", 1.5, 29)
        self.let_in("", 29)
        chart = attendance(self.event)
        self.assertEqual((chart.gates, chart.totals, chart.total), (["North", "South", NO_NAME], [4, 2, 1], 7))
        self.assertEqual(chart.minutes, 5)
        told = [(bar.start, bar.counts) for bar in chart.bars if bar.total]
        at = [EVENING + dt.timedelta(minutes=n) for n in (0, 5, 25)]
        self.assertEqual(told, [(at[0], [3, 1, 0]), (at[1], [1, 0, 0]), (at[2], [0, 1, 1])])

    def test_parts_of_a_bar_stand_on_one_another_and_reach_no_higher_than_the_top_line(self) -> None:
        self.let_in("North", 0, 0, 0)
        self.let_in("South", 0)
        drawing = attendance(self.event).drawing
        north, south = drawing.boxes
        self.assertEqual((north.y + north.height, south.y + south.height), (drawing.bottom, north.y))
        self.assertGreaterEqual(south.y, drawing.grid[-1][0])
        self.assertEqual(drawing.grid[-1][1], "4")

    def test_one_bar_stands_narrow_above_the_time_of_which_it_is(self) -> None:
        self.let_in("North", 0)
        drawing = attendance(self.event).drawing
        [bar], [(x, label)] = drawing.boxes, drawing.labels
        self.assertEqual((bar.x + bar.width / 2, bar.width, label), (x, WIDEST, "19:00"))

    def test_only_what_counts_is_counted(self) -> None:
        self.let_in("North", 0)
        self.let_in("North", 1, undone_at=EVENING)
        self.let_in("North", 1, outcome="already_checked_in")
        self.let_in("North", 1, outcome="already_checked_in", let_in=False)
        Scan.objects.create(event=make_event(), staff=self.greta, outcome="admitted", let_in=True)
        self.assertEqual(attendance(self.event).total, 1)

    def test_however_long_it_took_the_bars_are_few_and_begin_on_the_clock(self) -> None:
        for last, minutes in ((0, 1), (28, 1), (29, 5), (200, 10), (1500, 60), (9000, 720), (200_000, 7200)):
            with self.subTest(last=last):
                Scan.objects.all().delete()
                self.let_in("", 0, last)
                chart = attendance(self.event)
                self.assertLessEqual(len(chart.bars), MOST_BARS + 1)
                self.assertEqual((chart.minutes, chart.total), (minutes, 2))
                self.assertEqual(chart.bars[0].start.minute % min(minutes, 60), 0)

    def test_it_says_in_words_how_long_a_bar_is(self) -> None:
        cases = ((28, "minute"), (29, "5 minutes"), (1500, "hour"), (3000, "2 hours"), (9000, "12 hours"))
        for last, width in (*cases, (40_000, "day"), (200_000, "5 days")):
            Scan.objects.all().delete()
            self.let_in("", 0, last)
            self.assertEqual(attendance(self.event).width, width)

    def test_of_many_gates_the_busiest_have_their_own_color(self) -> None:
        for n in range(MOST_GATES + 3):
            self.let_in(f"Gate {n}", *[0] * (20 - n))
        chart = attendance(self.event)
        self.assertEqual(chart.gates, [*(f"Gate {n}" for n in range(MOST_GATES)), OTHERS])
        self.assertEqual(chart.totals[-1], 14 + 13 + 12)

    def test_it_is_one_query_however_many_came(self) -> None:
        self.let_in("North", *range(100))
        with self.assertNumQueries(1):
            attendance(self.event)

    def test_the_page_has_the_chart_and_the_same_as_a_table(self) -> None:
        self.assertIn("Nobody is in yet", self.page())
        self.event.time_zone = "Asia/Kathmandu"
        self.event.save()
        self.let_in("North <3", 0, 1)
        page = self.page()
        self.assertIn("North &lt;3", page)
        self.assertIn("2 May, 00:45", page)
        self.assertEqual(page.count('class="chart__part chart__part--1"'), 2)  # of one gate there is no legend


class TrailTests(ReportCase):
    def test_whoever_looks_is_in_the_trail_once_and_whoever_may_not_is_not(self) -> None:
        self.page()
        self.page()
        visit(self.greta, headers=BROWSER).get(self.address)
        looks = AuditEntry.objects.filter(action=AuditEntry.Action.GATE_SEEN)
        self.assertEqual(list(looks.values_list("actor__username", "event")), [("olga", self.event.pk)])


class ConflictTests(ReportCase):
    def test_a_conflict_is_listed_with_both_times_and_gates_until_it_is_taken_back(self) -> None:
        at = [EVENING + dt.timedelta(minutes=n) for n in (0, 7)]
        Ticket.objects.update(checked_in_at=at[0], checked_in_by=self.greta)
        self.let_in("North", 0, ticket=self.ticket)
        self.let_in("South", 7, ticket=self.ticket, outcome="already_checked_in", is_offline=True)
        page = self.page()
        for told in (
            "Conflicts: 1",
            "1 May, 19:07:00 at <bdi>South",
            "First: 1 May, 19:00:00 at <bdi>North",
            "let in twice",
        ):
            self.assertIn(told, page)
        scan = Scan.objects.get(gate="South")
        sent = {"event": self.event.pk, "scan": scan.pk, "reason": "Same person, went out again", "report": "yes"}
        undone = redirect_of(self.browser.post("/checkin/undo/", sent))
        self.assertEqual(undone, (302, self.address, ["Taken back: the ticket can be used again."]))
        self.assertNotIn("Conflicts: 1", self.page())
        self.assertIn("taken back by <bdi>olga</bdi>: <bdi>Same person, went out again</bdi>", self.page())

    def test_a_cancelled_ticket_that_was_let_in_is_a_conflict(self) -> None:
        allocation.cancel_ticket(ticket_id=self.ticket.pk)
        self.let_in("North", 0, ticket=self.ticket, outcome="cancelled")
        self.assertIn("let in with a cancelled ticket", self.page())


@override_settings(CACHES=OWN_CACHE)
class StaffListTests(ReportCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()  # of what was looked up before

    def add(self, person: str) -> tuple[int, Any]:
        return answer_of(visit(self.olga).post(f"{self.address}staff/", {"person": person}))

    def test_somebody_is_added_by_name_or_address_and_removed_again(self) -> None:
        for name in ("bob", "BOB", "Bob@Example.org"):
            with self.subTest(name=name):
                self.assertEqual(self.add(name), (200, {"status": "added"}))
                self.assertEqual(list(self.event.gate_staff.all()), [self.bob])
        gone = visit(self.olga).post(f"{self.address}staff/{self.bob.pk}/remove/")
        self.assertEqual(answer_of(gone), (200, {"status": "removed"}))
        self.assertEqual(list(self.event.gate_staff.all()), [])

    def test_a_session_that_was_left_open_is_not_enough_for_either(self) -> None:
        self.olga.set_password(PASSWORD)
        self.olga.save()
        self.event.gate_staff.add(self.alice)
        browser = visit(self.olga, headers=BROWSER)
        for address, form in (
            (f"{self.address}staff/", {"person": "bob"}),
            (f"{self.address}staff/{self.alice.pk}/remove/", {}),
        ):
            with self.subTest(address=address):
                self.assertIn("/accounts/reauthenticate/?next=", target_of(browser.post(address, form)))
        self.assertEqual(self.add("bob")[1]["status"], "confirmation_needed")
        self.assertEqual(list(self.event.gate_staff.all()), [self.alice])
        asked = target_of(browser.post(f"{self.address}staff/", {"person": "bob"}))
        self.assertEqual(target_of(browser.post(asked, {"password": PASSWORD})), self.address)
        self.assertEqual(set(self.event.gate_staff.all()), {self.alice, self.bob})

    def test_removing_twice_or_nobody_changes_nothing(self) -> None:
        for number in (self.bob.pk, 999_999, 2**63):
            removed = visit(self.olga).post(f"{self.address}staff/{number}/remove/")
            self.assertEqual(removed.status_code, 200)

    def test_nobody_of_that_name_is_said_and_the_form_keeps_it(self) -> None:
        make_person("gone", is_active=False)
        for person, said in (
            ("nobody", "There is no account with this user name"),
            ("gone", "There is no account with this user name"),
            ("", "Type a user name"),
            ("x" * 300, "At most 254 characters"),
            ("a\0b", "cannot be kept: type it anew"),
        ):
            with self.subTest(person=person[:9]):
                status, told = self.add(person)
                self.assertEqual((status, said in told["detail"]), (400, True), told)
        page = self.browser.post(f"{self.address}staff/", {"person": "nobody"})
        self.assertContains(page, 'value="nobody"', status_code=400)

    def test_addresses_cannot_be_tried_one_after_the_other_without_end(self) -> None:
        said = [self.add("nobody")[1]["detail"][:30] for _ in range(31)]
        self.assertEqual((said[29][:8], said[30]), ("There is", "You have looked up many people"))

    def test_gate_staff_learn_whose_the_report_is_and_where_they_scan(self) -> None:
        page = visit(self.greta, headers=BROWSER).get(self.address)
        said = "Only the event&#x27;s organizer and administrators see this. Ask them for what you need of it."
        self.assertContains(page, said, status_code=403)
        self.assertContains(page, '<a class="button" href="/checkin/">Scan tickets</a>', status_code=403)

    def test_the_page_says_who_can_scan(self) -> None:
        self.assertIn("All members of the group “gate staff” can scan this event", self.page())
        self.event.gate_staff.add(self.bob)
        self.assertIn("Only these people, you and administrators", self.page())
        self.assertIn("b…@example.org", self.page())


class QueryTests(ReportCase):
    def test_the_page_takes_as_many_queries_for_fifty_scans_as_for_two(self) -> None:
        people = make_people(25)
        self.event.gate_staff.add(people[0])
        self.let_in("North", 0, ticket=self.ticket)
        self.let_in("South", 1, ticket=self.ticket, outcome="already_checked_in")
        self.browser.get(self.address)
        before = queries_of(self.page)
        for n, person in enumerate(people):
            event = self.event
            ticket = Ticket.objects.create(event=event, user=person, code=f"C{n}")
            self.let_in("North", n, ticket=ticket)
            self.let_in("South", n, ticket=ticket, outcome="already_checked_in")
            event.gate_staff.add(person)
        self.assertEqual(len(queries_of(self.page)), len(before))
        self.assertLessEqual(len(before), 12)
