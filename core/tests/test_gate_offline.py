"""The gate without a network: the list of hashes, and what devices tell afterwards."""

import datetime as dt
import json
from typing import Any

from core import allocation, checkin, steering, ticket_code
from core.models import Scan, Ticket
from core.tests.cast import ago, make_event, make_person
from core.tests.test_gate import GateCase
from core.tests.test_query_counts import queries_of
from core.tests.visits import answer_of, visit

NUMBER = "9" * 5000  # of more digits than Python reads


class ListTests(GateCase):
    def ask(self, person: Any = None, **query: Any) -> Any:
        status, said = answer_of(visit(person or self.greta).get("/checkin/list/", {"event": self.event.pk} | query))
        return said if status == 200 else status

    def state_of(self, ticket: Ticket, **query: Any) -> str | None:
        said, name = self.ask(**query), ticket_code.fingerprint(ticket.code)
        used = [name for name, *_ in said["used"]]
        names = {"valid": said["valid"], "used": used, "cancelled": said["cancelled"], "own": said["own"]}
        return next((state for state, listed in names.items() if name in listed), None)

    def test_it_has_hashes_and_neither_codes_names_nor_keys(self) -> None:
        text = json.dumps(self.ask())
        self.assertIn(ticket_code.fingerprint(self.ticket.code), text)
        self.assertEqual([secret for secret in (self.ticket.code, "alice", "key") if secret in text], [])

    def test_a_fingerprint_is_the_start_of_a_sha256(self) -> None:
        self.assertEqual(ticket_code.fingerprint("ABC"), "tdQEXD9Gb6kf4sxqvnkjKg")

    def test_it_says_what_each_ticket_is_worth_and_where_it_was_used(self) -> None:
        self.assertEqual(self.state_of(self.ticket), "valid")
        allocation.book(event_id=make_event().pk, user=self.bob)
        self.scan(gate="North")
        self.assertEqual(self.state_of(self.ticket), "used")
        (used,) = self.ask()["used"]
        self.assertEqual(used[1:], [self.admitted_at(), "North"])
        gretas = allocation.book(event_id=self.event.pk, user=self.greta)
        self.assertEqual(self.state_of(gretas), "own")
        allocation.cancel_ticket(ticket_id=gretas.pk)
        self.assertEqual(self.state_of(gretas), "cancelled")

    def test_a_cancelled_event_is_said_to_be_off_also_to_those_who_ask_for_changes(self) -> None:
        since = self.ask()["now"]
        self.assertIs(self.ask(since=since)["off"], False)
        steering.revise_event(event_id=self.event.pk, values={"status": "cancelled"})
        self.assertEqual([self.ask()["off"], self.ask(since=since)["off"]], [True, True])

    def test_asked_for_what_changed_it_says_that_alone(self) -> None:
        bobs = allocation.book(event_id=self.event.pk, user=self.bob)
        Ticket.objects.update(booked_at=ago(hours=1))
        since = self.ask()["now"]
        self.assertEqual(self.state_of(bobs, since=since), None)
        first = checkin.scan(code=bobs.code, event=self.event, staff=self.greta).scan
        self.assertEqual((self.state_of(bobs, since=since), self.state_of(self.ticket, since=since)), ("used", None))
        Scan.objects.update(recorded_at=ago(hours=1), scanned_at=ago(hours=1))
        checkin.undo(scan_id=first.pk, staff=self.olga, reason="Wrong person")
        self.assertEqual(self.state_of(bobs, since=since), "valid")

    def test_a_moment_that_is_none_is_400(self) -> None:
        for since in ("x", "2026-01-01", "2026-01-01T00:00:00", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z"):
            with self.subTest(since=since):
                self.assertEqual(self.ask(since=since), 400)

    def test_it_takes_as_many_queries_for_fifty_tickets_as_for_one(self) -> None:
        self.ask()
        before = queries_of(self.ask)
        steering.revise_event(event_id=self.event.pk, values={"capacity": 60})
        for number in range(50):
            allocation.book(event_id=self.event.pk, user=make_person(f"p{number}"))
        self.assertEqual(len(queries_of(self.ask)), len(before))


class SyncTests(GateCase):
    def setUp(self) -> None:
        super().setUp()
        self.gus = make_person("gus")
        self.gus.groups.set(self.greta.groups.all())

    def told(self, minutes: float, **differs: Any) -> dict[str, Any]:
        """Return a scan of alice's ticket, so many minutes ago by a clock that is 10 minutes behind."""
        at = ago(minutes=minutes) - dt.timedelta(minutes=10)
        told = {"nonce": f"n{minutes}", "fingerprint": ticket_code.fingerprint(self.ticket.code), "let_in": True}
        times = {"at": round(at.timestamp() * 1000), "offset": 600_000}
        return told | times | {"gate": ""} | differs

    def sync(self, *scans: Any, person: Any = None) -> list[str]:
        sent = {"event": self.event.pk, "scans": json.dumps(scans)}
        status, said = answer_of(visit(person or self.greta).post("/checkin/sync/", sent))
        self.assertEqual(status, 200)
        return [result["outcome"] for result in said["results"].values()]

    def rows(self) -> list[tuple[str, str, bool]]:
        return list(Scan.objects.order_by("pk").values_list("gate", "outcome", "let_in"))

    def minutes_ago(self) -> float:
        moment = Ticket.objects.get(pk=self.ticket.pk).checked_in_at
        assert moment is not None
        return round((ago() - moment).total_seconds() / 60, 1)

    def test_a_scan_made_without_a_network_admits_at_its_corrected_moment(self) -> None:
        self.assertEqual(self.sync(self.told(30, gate="North")), ["admitted"])
        self.assertEqual((self.minutes_ago(), Ticket.objects.get(pk=self.ticket.pk).checked_in_by), (30, self.greta))
        self.assertEqual(self.scan(gate="South")[1]["outcome"], "already_checked_in")

    def test_told_again_it_is_the_same_scan(self) -> None:
        scan = self.told(30)
        self.assertEqual([self.sync(scan), self.sync(scan), self.sync(scan)], [["admitted"]] * 3)
        self.assertEqual(Scan.objects.count(), 1)

    def test_of_two_devices_the_first_wins_by_its_moment_whichever_is_heard_first(self) -> None:
        for first, second in (("early", "late"), ("late", "early")):
            with self.subTest(heard=first):
                Scan.objects.all().delete()
                Ticket.objects.update(checked_in_at=None, checked_in_by=None)
                scans = {
                    "early": (self.told(30, gate="North"), self.greta),
                    "late": (self.told(20, gate="South"), self.gus),
                }
                for name in (first, second):
                    scan, person = scans[name]
                    self.sync(scan, person=person)
                outcomes = {gate: (outcome, let_in) for gate, outcome, let_in in self.rows()}
                self.assertEqual(outcomes, {"North": ("admitted", True), "South": ("already_checked_in", True)})
                self.assertEqual(self.minutes_ago(), 30)
                self.assertEqual([scan.gate for scan in Scan.objects.conflicts()], ["South"])

    def test_an_earlier_scan_without_a_network_wins_over_a_later_one_with(self) -> None:
        self.scan(gate="Online")
        self.assertEqual(self.sync(self.told(5, gate="North")), ["admitted"])
        self.assertEqual(self.rows(), [("Online", "already_checked_in", True), ("North", "admitted", True)])
        self.assertEqual([scan.gate for scan in Scan.objects.conflicts()], ["Online"])

    def test_a_later_scan_without_a_network_loses_and_is_a_conflict(self) -> None:
        self.scan(gate="Online")
        Scan.objects.update(scanned_at=ago(minutes=9))
        Ticket.objects.update(checked_in_at=ago(minutes=9))
        self.assertEqual(self.sync(self.told(5, gate="North")), ["already_checked_in"])
        self.assertEqual([scan.gate for scan in Scan.objects.conflicts()], ["North"])

    def test_a_red_screen_without_a_network_is_no_conflict(self) -> None:
        self.scan(gate="Online")
        self.assertEqual(self.sync(self.told(5, let_in=False)), ["already_checked_in"])
        self.assertEqual(list(Scan.objects.conflicts()), [])

    def test_a_ticket_cancelled_meanwhile_is_not_admitted_and_the_organizer_learns_of_it(self) -> None:
        allocation.cancel_ticket(ticket_id=self.ticket.pk)
        self.assertEqual(self.sync(self.told(5)), ["cancelled"])
        self.assertEqual((self.admitted_at(), Scan.objects.conflicts().count()), (None, 1))

    def test_what_the_server_stored_though_its_answer_was_lost_is_the_same_scan(self) -> None:
        self.scan(nonce="n5", gate="North")
        self.assertEqual(self.sync(self.told(5)), ["admitted"])
        self.assertEqual(self.rows(), [("North", "admitted", True)])

    def test_green_on_the_device_against_a_lost_no_of_the_server_is_a_conflict(self) -> None:
        self.scan(gate="South")
        checkin.scan(code=self.ticket.code, event=self.event, staff=self.greta, gate="North", nonce="n5")
        self.sync(self.told(5))
        self.assertEqual([scan.gate for scan in Scan.objects.conflicts()], ["North"])

    def test_green_against_a_lost_no_counts_once_the_first_is_taken_back(self) -> None:
        first = checkin.scan(code=self.ticket.code, event=self.event, staff=self.gus).scan
        checkin.scan(code=self.ticket.code, event=self.event, staff=self.greta, gate="North", nonce="n5")
        checkin.undo(scan_id=first.pk, staff=self.gus, reason="Wrong person")
        self.assertEqual(self.sync(self.told(5)), ["admitted"])
        self.assertEqual(Ticket.objects.get(pk=self.ticket.pk).checked_in_by, self.greta)
        self.assertEqual(self.scan()[1]["outcome"], "already_checked_in")

    def test_a_nonce_of_another_ticket_or_event_is_another_scan(self) -> None:
        other = make_event()
        checkin.scan(code="x", event=other, staff=self.greta, nonce="n5")
        self.assertEqual(self.sync(self.told(5)), ["admitted"])
        bobs = allocation.book(event_id=self.event.pk, user=self.bob)
        self.sync(self.told(6))
        self.assertEqual(self.sync(self.told(6, fingerprint=ticket_code.fingerprint(bobs.code))), ["admitted"])

    def test_a_conflict_can_be_taken_back_though_the_ticket_was_cancelled_since(self) -> None:
        first = checkin.scan(code=self.ticket.code, event=self.event, staff=self.gus).scan
        self.sync(self.told(-1))
        checkin.undo(scan_id=first.pk, staff=self.gus, reason="Wrong person")
        second = Scan.objects.get(nonce="n-1")
        checkin.undo(scan_id=second.pk, staff=self.olga, reason="Wrong person")
        allocation.cancel_ticket(ticket_id=self.ticket.pk)
        self.assertEqual(self.sync(self.told(7)), ["cancelled"])
        checkin.undo(scan_id=Scan.objects.get(nonce="n7").pk, staff=self.olga, reason="Wrong person")
        self.assertEqual((self.admitted_at(), Scan.objects.conflicts().count()), (None, 0))

    def test_when_the_first_is_taken_back_the_next_one_counts(self) -> None:
        self.sync(self.told(30, gate="North"))
        self.sync(self.told(20, gate="South"), person=self.gus)
        checkin.undo(scan_id=Scan.objects.get(gate="North").pk, staff=self.olga, reason="Wrong person")
        self.assertEqual((self.minutes_ago(), Ticket.objects.get(pk=self.ticket.pk).checked_in_by), (20, self.gus))
        self.assertEqual(list(Scan.objects.conflicts()), [])

    def test_nobody_checks_in_their_own_ticket_without_a_network_either(self) -> None:
        allocation.cancel_ticket(ticket_id=self.ticket.pk)
        self.ticket = allocation.book(event_id=self.event.pk, user=self.greta)
        self.assertEqual(self.sync(self.told(5)), ["own_ticket"])
        self.assertEqual(Ticket.objects.get(pk=self.ticket.pk).checked_in_at, None)

    def test_a_clock_that_is_ahead_makes_no_scan_of_the_future(self) -> None:
        self.sync(self.told(-600))
        self.assertEqual(self.minutes_ago(), 0)

    def test_a_code_that_is_not_of_the_event_is_unknown(self) -> None:
        other = allocation.book(event_id=make_event().pk, user=self.bob)
        names = (ticket_code.fingerprint("x"), ticket_code.fingerprint(other.code))
        scans = [self.told(n, fingerprint=name, let_in=False) for n, name in enumerate(names)]
        self.assertEqual(self.sync(*scans), ["unknown_code"] * 2)

    def test_what_no_gate_sends_is_400_says_which_scan_and_stores_nothing(self) -> None:
        good = self.told(5)
        bad: list[Any] = [
            {}, [], 1, None, "x", good | {"nonce": ""}, good | {"nonce": "n" * 65}, good | {"nonce": "\0"},
            good | {"nonce": 5}, good | {"fingerprint": "x"}, good | {"fingerprint": self.ticket.code},
            good | {"at": -1}, good | {"at": 2**63}, good | {"at": "5"}, good | {"at": 5.5}, good | {"at": True},
            good | {"offset": None}, good | {"offset": -(2**63)}, good | {"let_in": "yes"}, good | {"gate": "x" * 61},
        ]  # fmt: skip
        for scan in bad:
            with self.subTest(scan=scan):
                sent = {"event": self.event.pk, "scans": json.dumps([good | {"nonce": "other"}, scan])}
                status, said = answer_of(self.gate.post("/checkin/sync/", sent))
                told = "Scan 2 of the list is none: nothing of it was stored."
                self.assertEqual((status, said["detail"]), (400, told))
        for scans in ("", "x", "{}", "null", "5", json.dumps([good] * 501), "[" * 5000, NUMBER, f"[{NUMBER}]"):
            with self.subTest(scans=scans[:9]):
                sent = {"event": self.event.pk, "scans": scans}
                self.assertEqual(self.gate.post("/checkin/sync/", sent).status_code, 400)
        twice = {"event": self.event.pk, "scans": json.dumps([good, good])}
        self.assertEqual(self.gate.post("/checkin/sync/", twice).status_code, 400)
        self.assertEqual(Scan.objects.count(), 0)
