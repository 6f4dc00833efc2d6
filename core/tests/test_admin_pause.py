"""What pausing, resuming and extending in the admin do to an event's line (rules 2 and 6)."""

import datetime as dt

from core import allocation, clock, steering
from core.acts import EXTEND
from core.models import TicketHold, User

from .cast import ago, arrive, book, join, lapse, ledger_problems, make_event, numbers, refusal, release, statuses
from .desk import messages_of
from .tables import all_rows, changed_tables
from .test_admin_serving import NO_LENGTH, REASON, ServingCase, entries, errors_of, page_of
from .visits import visit


class PauseTests(ServingCase):
    def test_while_paused_nobody_is_served_though_a_place_is_free(self) -> None:
        answer = self.act("pause", reason=REASON)
        said = (answer.status_code, answer.headers["Location"], messages_of(answer))
        self.assertEqual(said, (302, page_of(self.event), ["Serving is paused."]))
        release(self.event, self.alice)
        clock.tick()
        allocation.serve(self.event.pk)
        self.assertEqual(statuses(self.event), [("alice", "released"), ("bob", "held"), ("greta", "waiting")])
        self.assertEqual(numbers(self.event), {"held": 1, "booked": 0, "waiting": 1})

    def test_while_paused_people_join_book_what_they_hold_and_book_nothing_else(self) -> None:
        self.act("pause", reason=REASON)
        release(self.event, self.alice)
        newcomer = User.objects.create_user("nina")
        self.assertEqual(visit(newcomer).post(f"/book/{self.event.pk}/").status_code, 409)
        self.assertEqual(refusal(lambda: book(self.event, newcomer)), ("not_on_sale", True))
        self.assertEqual(visit(newcomer).post(f"/join/{self.event.pk}/").status_code, 202)
        book(self.event, self.bob)
        self.assertEqual(numbers(self.event), {"held": 0, "booked": 1, "waiting": 2})

    def test_a_login_is_held_no_place_while_paused(self) -> None:
        event = make_event(name="Open")
        steering.pause(event_id=event.pk, reason=REASON)
        allocation.hold_for_login(user=self.alice, session=arrive(self.alice))
        self.assertEqual(statuses(event), [])

    def test_resuming_serves_in_order(self) -> None:
        self.act("pause", reason=REASON)
        first = User.objects.create_user("first")
        join(self.event, first, arrive(first, ago(minutes=30)))
        for person in (self.alice, self.bob):
            release(self.event, person)
        answer = self.act("resume", reason="Mended")
        self.assertEqual(messages_of(answer)[-1:], ["Serving goes on, in the order of the line."])
        live = [("alice", "released"), ("bob", "released"), ("greta", "held"), ("first", "held")]
        self.assertEqual(statuses(self.event), live)
        served = [entry["place"] for entry in entries(self.event, "hold")][-2:]
        order = TicketHold.objects.filter(event=self.event, status="held").order_by("login_timestamp")
        self.assertEqual((served, ledger_problems(self.event)), (list(order.values_list("pk", flat=True)), []))

    def test_doing_it_again_says_so_and_changes_nothing(self) -> None:
        for name, sentence in (
            ("resume", "Serving was not paused; nothing has changed."),
            ("pause", "Serving was paused before; nothing has changed."),
        ):
            if name == "pause":
                self.act("pause", reason="First")
            before = all_rows()
            answer = self.act(name, reason="Again")
            self.assertEqual((answer.status_code, messages_of(answer)[-1]), (302, sentence))
            self.assertEqual([label for label in changed_tables(before, all_rows()) if label != "sessions.Session"], [])

    def test_what_was_typed_to_pause_stays_when_a_colleague_was_faster(self) -> None:
        steering.pause(event_id=self.event.pk, reason="Theirs")
        response = self.act("pause", reason="x" * 201)
        self.assertEqual([act.name for act, _ in response.context["forms"]], ["resume", "extend", "pause"])
        self.assertContains(response, "x" * 201)


class ExtensionTests(ServingCase):
    def test_it_moves_all_live_holds_and_nobody_in_the_line(self) -> None:
        before, line = self.expiries(), TicketHold.objects.filter(status="waiting").values().get()
        answer = self.act("extend", minutes="12.5", reason=REASON)
        self.assertEqual(messages_of(answer), ["Extended: 2 holds by 12.5 min."])
        length = dt.timedelta(minutes=12.5)
        self.assertEqual(self.expiries(), [moment + length for moment in before if moment])
        self.assertEqual(TicketHold.objects.filter(status="waiting").values().get(), line)
        self.assertEqual(ledger_problems(self.event), [])

    def test_a_hold_that_had_lapsed_stays_lapsed(self) -> None:
        lapse(TicketHold.objects.filter(user=self.alice))
        answer = self.act("extend", minutes="10", reason=REASON)
        self.assertEqual(messages_of(answer), ["Extended: 2 holds by 10 min."])
        self.assertEqual(statuses(self.event), [("alice", "expired"), ("bob", "held"), ("greta", "held")])

    def test_a_button_pressed_twice_or_by_two_colleagues_extends_once(self) -> None:
        before, page = self.expiries(), self.browser.get(page_of(self.event))
        seen = dict(page.context["forms"])[EXTEND]["seen"].value()
        self.assertContains(page, f'name="seen" value="{seen}"')
        answers = [self.act("extend", minutes="5", reason=REASON, seen=str(seen)) for _ in range(2)]
        again = "The holds were extended since you opened this page, by you or a colleague; nothing was added to that."
        told = ["Extended: 2 holds by 5 min.", again]
        self.assertEqual([messages_of(answer)[-1] for answer in answers], told)
        self.assertEqual(self.expiries(), [moment + dt.timedelta(minutes=5) for moment in before if moment])
        self.act("extend", minutes="5", reason=REASON, seen=str(seen + 1))
        self.assertEqual(self.expiries(), [moment + dt.timedelta(minutes=10) for moment in before if moment])

    def test_a_length_that_is_none_is_refused_and_kept(self) -> None:
        before = all_rows()
        decimals = "Type at most 3 digits behind the point."
        for minutes, expected in (
            *((minutes, NO_LENGTH) for minutes in ("", "0", "-1", "abc", "1e9", "1440.001", "NaN", "Infinity", "١a")),
            ("0.0001", decimals),
        ):
            with self.subTest(minutes=minutes):
                response = self.act("extend", minutes=minutes, reason=REASON)
                self.assertEqual(response.status_code, 200)
                self.assertIn(expected, errors_of(response)["minutes"])
                self.assertContains(response, f'value="{REASON}"')
        self.assertEqual(changed_tables(before, all_rows()), [])

    def test_the_bounds_belong_to_it(self) -> None:
        before = self.expiries()
        for minutes in ("0.001", "1440"):
            self.assertEqual(self.act("extend", minutes=minutes, reason=REASON).status_code, 302)
        length = dt.timedelta(minutes=1440, milliseconds=60)
        self.assertEqual(self.expiries(), [moment + length for moment in before if moment])
