"""Places, tickets, scans and logins in the admin: read-only, without secrets, with actions through the allocation."""

from typing import Any
from unittest import mock

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.test import Client, TestCase

from core import allocation, checkin, cleanup
from core.models import Cause, Event, Scan, Ticket, TicketHold, User, UserSession

from .cast import Cast, ago, arrive, book, join, lapse, make_event, numbers, release, statuses
from .desk import act, at_desk, employ, make_administrator, rows_of

ANSWER = {"confirmed": "yes", "reason": "Asked to be let out"}  # to the question before
MODELS = ("ticket", "tickethold", "scan", "usersession")


class RecordsCase(Cast, TestCase):
    """Alice has a ticket, bob a hold and greta waits for an event of olga; greta has scanned for another of root's."""

    root: User
    event: Event
    other: Event

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.root = make_administrator()
        cls.event = make_event(name="Own", auto_hold=False)
        cls.other = make_event(name="Foreign", created_by=cls.root, auto_hold=False)
        book(cls.event, cls.alice)
        join(cls.event, cls.bob)
        join(cls.event, cls.greta, arrive(cls.greta))
        ticket = book(cls.other, cls.bob)
        join(cls.other, cls.alice)
        checkin.scan(code=ticket.code, event=cls.other, staff=cls.greta)
        checkin.scan(code="unknown", event=cls.event, staff=cls.greta)

    def setUp(self) -> None:
        self.browser = at_desk(self.root)

    def column(self, address: str, number: int = 0, browser: Client | None = None) -> list[str]:
        return [row[number] for row in rows_of((browser or self.browser).get(f"/admin/core/{address}"))]


class ReadOnlyTests(RecordsCase):
    def rows(self) -> list[list[Any]]:
        return [list(model.objects.order_by("pk").values()) for model in (Ticket, TicketHold, Scan, UserSession)]

    def test_nobody_adds_changes_or_deletes_a_row_by_hand(self) -> None:
        before, codes = self.rows(), []
        row: Any
        for model, row in zip(MODELS, (Ticket, TicketHold, Scan, UserSession), strict=True):
            first = row.objects.order_by("pk").first()
            form = {"event": self.other.pk, "user": self.greta.pk, "status": "booked", "code": "forged", "post": "yes"}
            paths = ("add/", f"{first.pk}/change/", f"{first.pk}/delete/")
            codes.append([self.browser.post(f"/admin/core/{model}/{path}", form).status_code for path in paths])
            act(self.browser, model, "delete_selected", [first], post="yes")
        self.assertEqual(codes, [[403, 403, 403]] * 4)
        self.assertEqual(self.rows(), before)

    def test_an_organizer_sees_the_rows_of_their_own_events(self) -> None:
        employ(self.olga, "view_ticket", "view_tickethold", "view_scan", "view_event")
        olgas = at_desk(self.olga)
        seen = [self.column(f"{model}/", 1, olgas) for model in ("tickethold", "scan")]
        self.assertEqual(seen, [["Own", "Own"], ["Own"]])
        self.assertEqual(self.column("ticket/", 1, olgas), ["alice"])
        foreign = Ticket.objects.get(event=self.other)
        codes = [
            browser.get(f"/admin/core/ticket/{foreign.pk}/change/").status_code for browser in (self.browser, olgas)
        ]
        self.assertEqual(codes, [200, 302])

    def test_staff_without_a_permission_see_none(self) -> None:
        employ(self.olga, "view_event")
        olgas = at_desk(self.olga)
        codes = [olgas.get(f"/admin/core/{model}/").status_code for model in (*MODELS, "event")]
        self.assertEqual(codes, [403, 403, 403, 403, 200])


class SecretTests(RecordsCase):
    def test_codes_are_masked_and_can_still_be_told_apart(self) -> None:
        codes = list(Ticket.objects.order_by("-pk").values_list("code", flat=True))
        self.assertEqual(self.column("ticket/"), [f"…{code[-6:]}" for code in codes])

    def test_no_page_contains_a_code_or_the_key_of_a_session(self) -> None:
        secrets = {
            *Ticket.objects.values_list("code", flat=True),
            *UserSession.objects.values_list("session_key", flat=True),
        }
        self.assertEqual((len(secrets), self.browser.session.session_key in secrets), (4, True))
        pages = ["/admin/", f"/admin/core/event/{self.event.pk}/change/", f"/admin/core/user/{self.root.pk}/change/"]
        row: Any
        for row in (Ticket, TicketHold, Scan, UserSession):
            place = f"/admin/core/{row._meta.model_name}/"
            pages += [
                place,
                *(
                    f"{place}{pk}/{page}/"
                    for pk in row.objects.values_list("pk", flat=True)
                    for page in ("change", "history")
                ),
            ]
        for page in pages:
            response = self.browser.get(page)
            with self.subTest(page=page):
                found = [secret for secret in secrets if secret in response.content.decode()]
                self.assertEqual((response.status_code, found), (200, []))

    def test_no_address_of_the_admin_leads_to_a_code(self) -> None:
        employ(self.olga)
        kinds = {model: ContentType.objects.get_for_model(model).pk for model in (Ticket, Event)}
        ticket = Ticket.objects.get(event=self.event)
        for person in (self.olga, self.root):
            browser = at_desk(person)
            answers = [browser.get(f"/admin/r/{kinds[type(row)]}/{row.pk}/") for row in (ticket, self.event)]
            found = [(answer.status_code, answer.headers.get("Location")) for answer in answers]
            self.assertEqual(found, [(404, None), (302, f"http://testserver/events/{self.event.pk}/")])

    def test_secrets_cannot_be_guessed_by_filtering(self) -> None:
        seed, pseudonyms = self.event.draw_seed, self.event.pseudonym_key
        code, key = Ticket.objects.get(event=self.event).code, self.browser.session.session_key
        assert key
        for address in (
            f"ticket/?code__startswith={code[0]}", f"ticket/?code={code}", f"tickethold/?ticket__code={code}",
            f"scan/?ticket__code__startswith={code[0]}", f"user/?tickets__code={code}", f"event/?tickets__code={code}",
            f"usersession/?session_key__startswith={key[0]}", f"usersession/?session_key={key}",
            f"event/?draw_seed__startswith={seed[0]}", f"event/?pseudonym_key__startswith={pseudonyms[0]}",
            f"event/?draw_seed={seed}", f"ticket/?event__draw_seed__startswith={seed[0]}",
            f"tickethold/?session__session_key={key}", f"user/?arrivals__session_key={key}",
        ):  # fmt: skip
            with self.subTest(address=address):
                self.assertEqual(self.browser.get(f"/admin/core/{address}").status_code, 400)
        found = [self.column(f"ticket/?q={code}"), self.column(f"usersession/?q={key}"), self.column("ticket/?q=alice")]
        self.assertEqual(found, [[], [], [f"…{code[-6:]}"]])


class PlaceTests(RecordsCase):
    def release(self, *places: TicketHold, browser: Client | None = None) -> tuple[int, list[str]]:
        return act(browser or self.browser, "tickethold", "release_places", list(places), **ANSWER)

    def test_places_are_filtered_by_what_time_says(self) -> None:
        lapse(TicketHold.objects.filter(user=self.bob))
        live, ended = self.column("tickethold/?live=yes"), self.column("tickethold/?live=no")
        self.assertEqual((live, ended), (["alice", "greta"], ["bob"]))

    def test_releasing_a_hold_serves_the_line(self) -> None:
        answer = self.release(TicketHold.objects.get(user=self.bob))
        self.assertEqual(answer, (302, ["Released: 1 place. The line was served."]))
        self.assertEqual(statuses(self.event), [("bob", "released"), ("greta", "held")])
        self.assertEqual(numbers(self.event), {"held": 1, "booked": 1, "waiting": 0})

    def test_of_several_the_live_ones_are_released_and_the_others_counted(self) -> None:
        release(self.event, self.bob)
        answer = self.release(*TicketHold.objects.all())
        others = "Left alone: 1 place. They had already ended: booked, released, expired or left."
        self.assertEqual(answer, (302, ["Released: 2 places. The line was served.", others]))
        self.assertEqual(statuses(self.event), [("bob", "released"), ("greta", "released")])
        self.assertEqual(statuses(self.other), [("alice", "released")])

    def test_what_was_booked_a_moment_ago_is_not_said_to_be_released(self) -> None:
        hold = TicketHold.objects.get(user=self.bob)
        end_places = cleanup.end_places

        def after_a_booking(*args: Any, **how: Any) -> int:
            book(self.event, self.bob)
            return end_places(*args, **how)

        with mock.patch("core.admin.line.cleanup.end_places", after_a_booking):
            self.release(hold)
        self.assertFalse(
            LogEntry.objects.filter(object_id=str(hold.pk), change_message__startswith="Released").exists()
        )

    def test_nothing_is_released_that_the_history_cannot_keep(self) -> None:
        before = statuses(self.event)
        failing = mock.patch("django.contrib.admin.ModelAdmin.log_change", side_effect=RuntimeError)
        with failing, self.assertRaises(RuntimeError):
            self.release(*TicketHold.objects.filter(event=self.event))
        self.assertEqual(statuses(self.event), before)

    def test_staff_who_may_only_look_release_nothing(self) -> None:
        hold = TicketHold.objects.get(user=self.bob)
        for permissions, expected in (
            (["view_tickethold"], "held"),
            (["view_tickethold", "change_tickethold"], "released"),
        ):
            employ(self.olga, *permissions)
            self.release(hold, browser=at_desk(User.objects.get(pk=self.olga.pk)))
            hold.refresh_from_db()
            self.assertEqual(hold.status, expected)

    def test_an_organizer_releases_no_place_of_a_foreign_event(self) -> None:
        employ(self.olga, "view_tickethold", "change_tickethold")
        self.release(*TicketHold.objects.all(), browser=at_desk(self.olga))
        self.assertEqual(statuses(self.event), [("bob", "released"), ("greta", "left")])
        self.assertEqual(statuses(self.other), [("alice", "held")])


class TicketTests(RecordsCase):
    def cancel(self, *tickets: Ticket) -> tuple[int, list[str]]:
        return act(self.browser, "ticket", "cancel_tickets", list(tickets), **ANSWER)

    def test_tickets_are_filtered_by_what_they_are_worth(self) -> None:
        book(make_event(name="Called off", auto_hold=False), self.alice)
        Event.objects.filter(name="Called off").update(status="cancelled")
        worth = {status: self.column(f"ticket/?status={status}", 2) for status in ("valid", "admitted", "cancelled")}
        self.assertEqual(worth, {"valid": ["Own"], "admitted": ["Foreign"], "cancelled": ["Called off"]})
        self.assertEqual(self.column("ticket/", 3), ["cancelled", "admitted", "valid"])

    def test_cancelling_serves_the_line(self) -> None:
        ticket = Ticket.objects.get(event=self.event)
        self.assertEqual(self.cancel(ticket), (302, ["Cancelled: 1 ticket. The line was served."]))
        self.assertEqual(statuses(self.event), [("bob", "held"), ("greta", "held")])
        self.assertEqual(numbers(self.event), {"held": 2, "booked": 0, "waiting": 0})

    def test_no_ticket_is_cancelled_that_the_history_cannot_keep(self) -> None:
        failing = mock.patch("django.contrib.admin.ModelAdmin.log_change", side_effect=RuntimeError)
        with failing, self.assertRaises(RuntimeError):
            self.cancel(Ticket.objects.get(event=self.event))
        self.assertEqual(Ticket.objects.get(event=self.event).status, "valid")

    def test_staff_can_cancel_after_the_start(self) -> None:
        Event.objects.filter(pk=self.event.pk).update(starts_at=ago(minutes=1))
        self.assertEqual(
            self.cancel(Ticket.objects.get(event=self.event))[1], ["Cancelled: 1 ticket. The line was served."]
        )

    def test_each_refusal_is_reported_with_its_number_and_reason(self) -> None:
        called_off, cancelled = make_event(auto_hold=False), Ticket.objects.get(event=self.event)
        tickets = [
            cancelled,
            Ticket.objects.get(event=self.other),
            *(book(called_off, p) for p in (self.alice, self.bob)),
        ]
        Event.objects.filter(pk=called_off.pk).update(status="cancelled")
        allocation.cancel_ticket(ticket_id=cancelled.pk, cause=Cause.CANCELLED_BY_STAFF)
        before = list(Ticket.objects.order_by("pk").values())
        code, said = self.cancel(*tickets)
        sentences = [
            "Left alone: 1 ticket. This ticket was already used at the gate, so it cannot be cancelled.",
            "Left alone: 1 ticket. This ticket was cancelled before.",
            "Left alone: 2 tickets. This event was cancelled. Nothing can be booked or changed any more.",
        ]
        self.assertEqual((code, sorted(said)), (302, sentences))
        self.assertEqual(list(Ticket.objects.order_by("pk").values()), before)


class LoginsTests(RecordsCase):
    def test_ending_sessions_signs_people_out_and_keeps_their_holds(self) -> None:
        bobs = at_desk(self.bob)
        self.assertEqual(bobs.get("/dashboard/").status_code, 200)
        logins = list(UserSession.objects.filter(user__in=[self.bob, self.greta]))
        answer = act(self.browser, "usersession", "end_sessions", list(logins), confirmed="yes", reason="Lost phone")
        self.assertEqual(answer, (302, ["Ended: 2 sessions. Holds and places in line stay."]))
        self.assertEqual(bobs.get("/dashboard/").status_code, 302)
        self.assertEqual(list(Session.objects.values_list("pk", flat=True)), [self.browser.session.session_key])
        self.assertEqual(statuses(self.event), [("bob", "held"), ("greta", "waiting")])

    def test_sessions_that_had_ended_are_counted(self) -> None:
        UserSession.objects.filter(user=self.greta).update(is_active=False)
        answer = act(
            self.browser,
            "usersession",
            "end_sessions",
            list(UserSession.objects.filter(user=self.greta)),
            confirmed="yes",
            reason="Lost phone",
        )
        self.assertEqual(answer, (302, ["Left alone: 1 session. They had ended before."]))

    def test_staff_who_may_only_look_end_none(self) -> None:
        employ(self.olga, "view_usersession")
        act(
            at_desk(self.olga),
            "usersession",
            "end_sessions",
            list(UserSession.objects.filter(user=self.greta)),
            confirmed="yes",
            reason="Lost phone",
        )
        self.assertEqual(UserSession.objects.get(user=self.greta).is_active, True)
