"""What organizers do to the line of an event: pause and resume serving, extend holds."""

import re
from typing import Any

from django.contrib.admin.models import LogEntry
from django.test import Client

from core import steering
from core.models import Event, TicketHold
from core.refusals import EventCancelled

from .cast import join, make_event, statuses
from .desk import at_desk, make_administrator, messages_of
from .organizers import OrganizerCase, path, trail_of
from .visits import answer_of, redirect_of, visit


class ServingTests(OrganizerCase):
    def act(self, event: Event, client: Client | None = None, **sent: str) -> Any:
        return self.send(event, sent, client)

    def send(self, event: Event, sent: dict[str, str], client: Client | None = None) -> Any:
        return (client or self.browser).post(path(event, "serving/"), sent)

    def test_serving_is_paused_and_resumed_with_a_reason(self) -> None:
        event = make_event(capacity=1, auto_hold=False)
        self.assertContains(self.browser.get(path(event, "line/")), "Pause serving")
        self.act(event, act="pause", reason="A storm")
        join(event, self.alice)
        self.assertEqual(statuses(event), [("alice", "waiting")])
        self.assertContains(self.browser.get(path(event)), "A storm")
        self.act(event, act="resume", reason="Over")
        self.assertEqual(statuses(event), [("alice", "held")])
        done = [("olga", "serving_changed", f"Serving {what}") for what in ("paused: A storm", "resumed: Over")]
        self.assertEqual(trail_of(event), done)

    def test_holds_are_extended_once_however_often_it_is_pressed(self) -> None:
        event = make_event(capacity=1, auto_hold=False)
        until = join(event, self.alice).expires_at
        for _ in range(2):
            self.act(event, act="extend", minutes="5", reason="Outage", seen="0")
        moved = TicketHold.objects.get().expires_at
        assert until is not None and moved is not None
        self.assertEqual((moved - until).total_seconds(), 300)
        self.assertEqual(len(trail_of(event)), 1)

    def test_what_is_refused_keeps_what_was_typed(self) -> None:
        event = make_event(auto_hold=False)
        response = self.act(event, act="extend", minutes="-1", reason="Outage")
        self.assertContains(response, 'value="Outage"', status_code=400)
        self.assertEqual(self.act(event, act="sell", reason="x").status_code, 400)
        told = answer_of(self.act(event, visit(self.olga), act="pause"))
        self.assertEqual((told[0], told[1]["field"]), (400, "reason"))

    def test_what_is_refused_is_said_at_its_field_and_above_all_where_the_keyboard_is_led_to(self) -> None:
        event = make_event(auto_hold=False)
        page = self.act(event, act="extend", minutes="0", reason="Outage").content.decode()
        summary, _, forms = page.partition('<div class="columns')
        said = "Type a number of minutes: more than 0, at most 1440."
        self.assertIn('role="alert" tabindex="-1" autofocus', summary)
        self.assertIn(f'<a href="#extend_minutes">Minutes</a>: {said}', summary)
        self.assertIn('aria-invalid="true"', forms)
        self.assertEqual((summary.count(said), forms.count(said)), (1, 1))
        self.assertNotIn("autofocus", self.browser.get(path(event, "line/")).content.decode())

    def test_the_way_to_this_page_names_all_that_it_offers_while_serving_is_paused_as_well(self) -> None:
        event = make_event(auto_hold=False)
        self.assertContains(self.browser.get(path(event)), "Pause serving, extend holds…")
        steering.pause(event_id=event.pk, reason="A storm")
        self.assertContains(self.browser.get(path(event)), "Resume serving, extend holds…")

    def test_each_form_says_that_a_reason_is_required(self) -> None:
        event = make_event(auto_hold=False)
        for act in ("pause", "resume"):
            page = self.browser.get(path(event, "line/")).content.decode()
            for name in (act, "extend"):
                self.assertIn(f'<label for="{name}_reason">Reason <span class="hint">(required)</span></label>', page)
                (field,) = re.findall(rf'<input[^>]*id="{name}_reason"[^>]*>', page)
                self.assertIn(" required", field)
            self.act(event, act="pause", reason="A storm")
        refused = self.act(event, act="resume", reason=" ")
        self.assertContains(refused, "Give a reason", count=2, status_code=400)  # at its field, and above

    def test_nothing_is_done_to_the_line_of_a_cancelled_event_nor_entered_in_its_ledger(self) -> None:
        event, paused = make_event(auto_hold=False), make_event(auto_hold=False)
        join(event, self.alice)
        steering.pause(event_id=paused.pk, reason="A storm")
        for each in (event, paused):
            steering.cancel_event(event_id=each.pk)
        before = Event.objects.order_by("pk").values_list("paused_at", "pause_reason", "ledger_seq")
        unchanged = list(before)
        root = at_desk(make_administrator())
        for of, sent in (
            (event, {"act": "pause"}),
            (paused, {"act": "resume"}),
            (event, {"act": "extend", "minutes": "5"}),
        ):
            typed = sent | {"reason": "Outage"}
            with self.subTest(sent=sent):
                told = redirect_of(self.send(of, typed))
                self.assertEqual((told[1], told[2][-1]), (path(of, "line/"), EventCancelled.detail))
                code, refused = answer_of(self.send(of, typed, visit(self.olga)))
                self.assertEqual((code, refused["status"]), (409, "cancelled"))
                beside = root.post(f"/admin/core/event/{of.pk}/serving/", typed)
                self.assertEqual(messages_of(beside)[-1], EventCancelled.detail)
        self.assertEqual((list(before.all()), trail_of(event), trail_of(paused)), (unchanged, [], []))
        self.assertFalse(LogEntry.objects.exists())
