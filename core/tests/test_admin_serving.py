"""The admin's page on which serving is paused and resumed, and holds are extended, each with a reason (rule 2)."""

import datetime as dt
from typing import Any
from unittest import mock

from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext

from core import clock, steering
from core.models import Event, TicketHold, User

from .books import deeds
from .cast import Cast, ago, arrive, join, lapse, make_event, make_people
from .desk import at_desk, employ, make_administrator, messages_of, rows_of
from .tables import all_rows, changed_tables
from .visits import BROWSER, visit

LIST = "/admin/core/event/"
REASON = "The card terminal is down"
NO_LENGTH = "Type a number of minutes: more than 0, at most 1440."
NO_REASON = "Give a reason: it is entered in the event's ledger."


def page_of(event: Event) -> str:
    return f"/admin/core/event/{event.pk}/serving/"


def entries(event: Event, *kinds: str) -> list[dict[str, Any]]:
    """Return the ledger's entries of these kinds, without what every entry has."""
    return [entry for entry in deeds(event) if entry["kind"] in kinds]


def errors_of(response: Any) -> dict[str, list[str]]:
    """Return the errors of the form that came back, by field."""
    return {name: list(errors) for _, form in response.context["forms"] for name, errors in form.errors.items()}


class ServingCase(Cast, TestCase):
    """Alice holds the first of two places, bob the second, greta waits."""

    root: User
    event: Event

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.root = make_administrator()
        cls.event = make_event(auto_hold=False)
        for person, minutes in ((cls.alice, 3), (cls.bob, 2), (cls.greta, 1)):
            join(cls.event, person, arrive(person, ago(minutes=minutes)))
        clock.tick()  # by now the ledger knows that greta joined

    def setUp(self) -> None:
        self.browser = at_desk(self.root)

    def act(self, name: str, *, browser: Client | None = None, **typed: str) -> Any:
        return (browser or self.browser).post(page_of(self.event), {"act": name, **typed})

    def expiries(self) -> list[dt.datetime | None]:
        held = TicketHold.objects.filter(event=self.event, status="held").order_by("pk")
        return list(held.values_list("expires_at", flat=True))


class PageTests(ServingCase):
    def test_it_shows_the_numbers_and_when_the_last_hold_ends(self) -> None:
        response = self.browser.get(page_of(self.event))
        state = dict(response.context["state"])
        last = max(moment for moment in self.expiries() if moment)
        shown = {
            name: state[name] for name in ("Serving", "Capacity", "Booked", "Held", "Available", "Waiting in line")
        }
        held = f"2, the last one until {last:%-d %b %Y, %H:%M:%S}"
        self.assertEqual(
            shown,
            {"Serving": "Not paused", "Capacity": 2, "Booked": 0, "Held": held, "Available": 0, "Waiting in line": 1},
        )
        self.assertContains(response, "It concerns 2 holds now.")

    def test_a_lapsed_hold_that_nothing_swept_is_none(self) -> None:
        lapse(TicketHold.objects.all())
        response = self.browser.get(page_of(self.event))
        state = dict(response.context["state"])
        self.assertEqual((state["Held"], state["Available"]), (0, 2))
        self.assertContains(response, "It concerns nobody now.")

    def test_it_says_since_when_and_why_serving_is_paused_and_offers_to_resume_it(self) -> None:
        offered = [act.name for act, _ in self.browser.get(page_of(self.event)).context["forms"]]
        self.act("pause", reason="<b>Fire</b> alarm")
        response = self.browser.get(page_of(self.event))
        self.event.refresh_from_db()
        since = f"Paused since {self.event.paused_at:%-d %b %Y, %H:%M:%S}: “<b>Fire</b> alarm”"
        self.assertEqual(dict(response.context["state"])["Serving"], since)
        self.assertContains(response, "&lt;b&gt;Fire&lt;/b&gt; alarm")
        names = [act.name for act, _ in response.context["forms"]]
        self.assertEqual((offered, names), (["pause", "extend"], ["resume", "extend"]))

    def test_it_says_that_a_reason_is_public(self) -> None:
        sentence = "Everybody can read it in the event&#x27;s ledger, so do not name people."
        self.assertContains(self.browser.get(page_of(self.event)), sentence, 2)

    def test_it_asks_as_much_for_many_holds_as_for_few(self) -> None:
        counts = []
        for people in (make_people(1), make_people(40)):
            steering.revise_event(event_id=self.event.pk, values={"capacity": 100})
            for person in people:
                join(self.event, person)
            with CaptureQueriesContext(connection) as captured:
                self.browser.get(page_of(self.event))
            counts.append(len(captured))
        self.assertEqual(counts[0], counts[1])

    def test_the_event_and_the_list_lead_to_it(self) -> None:
        for page in (f"{LIST}{self.event.pk}/change/", LIST):
            self.assertContains(self.browser.get(page), f'href="{page_of(self.event)}"', 1)

    def test_the_list_and_the_event_say_that_serving_is_paused(self) -> None:
        other = make_event(name="Other", auto_hold=False)
        self.act("pause", reason=REASON)
        found = {row[0]: row[2] for row in rows_of(self.browser.get(LIST))}
        self.assertEqual(found, {"Concert": "published, paused", other.name: "published"})
        self.assertContains(self.browser.get(f"{LIST}{self.event.pk}/change/"), f"“{REASON}”")

    def test_an_event_that_is_not_there_is_answered_as_by_the_rest_of_the_admin(self) -> None:
        for address in (f"{LIST}{self.event.pk + 1}/", f"{LIST}soon/", f"{LIST}{2**70}/"):
            answers = [self.browser.get(address + page) for page in ("serving/", "change/")]
            found = [(answer.status_code, answer.headers["Location"], messages_of(answer)[:1]) for answer in answers]
            self.assertEqual(found[0], found[1], address)
            self.assertEqual(found[0][:2], (302, "/admin/"))


class PermissionTests(ServingCase):
    def codes(self, browser: Client) -> list[int]:
        got = [browser.get(page_of(self.event)).status_code]
        return got + [
            self.act(name, browser=browser, reason=REASON, minutes="5").status_code for name in ("pause", "extend")
        ]

    def test_nobody_may_who_may_not_change_the_event(self) -> None:
        other = User.objects.create_user("otto")
        employ(self.alice, "view_event")
        employ(self.olga, "view_event")
        employ(self.greta)
        employ(other, "view_event", "change_event")
        before = all_rows()
        for person, expected in (
            (None, [302, 302, 302]),
            (self.bob, [302, 302, 302]),  # an attendee: to the login
            (self.alice, [302, 403, 403]),  # staff who may only look, at events of their own
            (self.olga, [403, 403, 403]),  # the organizer, who may only look
            (self.greta, [403, 403, 403]),  # gate staff
            (other, [302, 302, 302]),  # the organizer of another event: not there
        ):
            browser = visit(person, headers=BROWSER)
            with self.subTest(person=person):
                self.assertEqual(self.codes(browser), expected)
        changed = changed_tables(before, all_rows())
        self.assertEqual(set(changed) & {"core.Event", "core.TicketHold", "core.LedgerEntry", "admin.LogEntry"}, set())

    def test_its_organizer_may_who_may_change_it(self) -> None:
        employ(self.olga, "view_event", "change_event")
        self.assertEqual(self.codes(at_desk(self.olga)), [200, 302, 302])
        self.assertEqual(len(entries(self.event, "pause", "extension")), 2)

    def test_the_list_leads_only_those_there_who_may(self) -> None:
        employ(self.olga, "view_event")
        response = at_desk(self.olga).get(LIST)
        self.assertEqual([row[2] for row in rows_of(response)], ["published"])
        self.assertNotContains(response, "/serving/")
        self.assertNotContains(at_desk(self.olga).get(f"{LIST}{self.event.pk}/change/"), "/serving/")

    def test_a_forged_post_does_nothing(self) -> None:
        browser = Client(enforce_csrf_checks=True, headers=BROWSER)
        browser.force_login(self.root)
        self.assertEqual(self.act("pause", browser=browser, reason=REASON).status_code, 403)
        self.assertEqual(entries(self.event, "pause"), [])

    def test_what_it_cannot_do_is_a_bad_request_and_other_methods_are_not_allowed(self) -> None:
        codes = [self.act(name, reason=REASON).status_code for name in ("", "stop", "Pause")]
        self.assertEqual(codes, [400, 400, 400])
        self.assertEqual(self.browser.put(page_of(self.event)).status_code, 405)
        self.assertEqual(Event.objects.get(pk=self.event.pk).paused_at, None)


class ReasonTests(ServingCase):
    def test_without_a_good_reason_nothing_happens_and_what_was_typed_stays(self) -> None:
        before = all_rows()
        too_long = "At most 200 characters: this has 201."
        cases: tuple[tuple[dict[str, Any], str], ...] = (
            ({}, NO_REASON),
            ({"reason": ""}, NO_REASON),
            ({"reason": " \t\u00a0\n"}, NO_REASON),
            ({"reason": "x" * 201}, too_long),
            ({"reason": "🎻" * 201}, too_long),
            ({"reason": "a\0b"}, "There is a character in this that cannot be kept: type it anew."),
        )
        for typed, expected in cases:
            for name in ("pause", "resume", "extend"):
                with self.subTest(typed=typed, act=name):
                    response = self.act(name, minutes="7", **typed)
                    self.assertEqual((response.status_code, errors_of(response)), (200, {"reason": [expected]}))
                    shown = {act.name: form for act, form in response.context["forms"]}[name]
                    self.assertEqual(shown["reason"].value(), typed.get("reason"))
        self.assertContains(self.act("extend", minutes="7.25"), 'value="7.25"')
        self.assertEqual(changed_tables(before, all_rows()), [])

    def test_it_may_have_two_hundred_characters_of_any_kind(self) -> None:
        reason = "🎻" * 199 + "“"
        self.assertEqual(self.act("pause", reason=f"  {reason}\n").status_code, 302)
        self.assertEqual(entries(self.event, "pause"), [{"kind": "pause", "reason": reason}])
        self.assertEqual(Event.objects.get(pk=self.event.pk).pause_reason, reason)

    def test_the_ledger_and_the_history_keep_who_did_what_and_why(self) -> None:
        self.act("pause", reason="One\r\n  line")
        self.act("extend", minutes="2.5", reason="Two")
        self.act("resume", reason="Three")
        extension = {"kind": "extension", "minutes": 2.5, "reason": "Two"}
        steps = [{"kind": "pause", "reason": "One line"}, extension, {"kind": "resume", "reason": "Three"}]
        self.assertEqual(entries(self.event, "pause", "resume", "extension"), steps)
        history = LogEntry.objects.order_by("pk").values_list("user__username", "object_id", "change_message")
        notes = ("Serving paused: One line", "Extended 2 holds by 2.5 min: Two", "Serving resumed: Three")
        self.assertEqual(list(history), [("root", str(self.event.pk), note) for note in notes])

    def test_what_the_history_cannot_keep_is_not_done(self) -> None:
        failing = mock.patch("django.contrib.admin.ModelAdmin.log_change", side_effect=RuntimeError)
        with failing, self.assertRaises(RuntimeError):
            self.act("pause", reason=REASON)
        self.assertEqual((Event.objects.get(pk=self.event.pk).paused_at, entries(self.event, "pause")), (None, []))
