"""An event's own list of gate staff (rule 24)."""

from typing import Any

from core import accounts
from core.checkin.staff import may_scan
from core.models import Event, User
from core.tests.cast import make_event, make_person
from core.tests.test_gate import GateCase
from core.tests.visits import BROWSER, visit


class OwnListTests(GateCase):
    def answer_to(self, person: User, event: Event | None = None) -> int:
        sent = {"code": "x", "event": (event or self.event).pk}
        return visit(person).post("/checkin/scan/", sent).status_code

    def events_of(self, person: User) -> list[Any]:
        return list(visit(person, headers=BROWSER).get("/checkin/").context["events"])

    def test_an_event_with_a_list_is_scanned_by_those_on_it_and_its_organizer_alone(self) -> None:
        root = make_person("root", is_superuser=True)
        self.event.gate_staff.add(self.bob)
        answers = [self.answer_to(person) for person in (self.bob, self.greta, self.olga, root, self.alice)]
        self.assertEqual(answers, [200, 404, 200, 200, 403])

    def test_the_group_still_scans_events_without_a_list(self) -> None:
        other = make_event()
        self.event.gate_staff.add(self.bob)
        self.assertEqual(self.events_of(self.greta), [other])
        self.assertEqual(self.events_of(self.bob), [self.event])

    def test_a_member_of_the_group_who_is_on_the_list_scans_it(self) -> None:
        self.event.gate_staff.add(self.bob, self.greta)
        self.assertEqual(self.answer_to(self.greta), 200)

    def test_who_is_taken_off_the_list_scans_nothing_from_the_next_request_on(self) -> None:
        self.event.gate_staff.add(self.bob)
        self.assertEqual(self.answer_to(self.bob), 200)
        self.event.gate_staff.remove(self.bob)
        self.assertEqual(self.answer_to(self.bob), 403)

    def test_a_list_stays_closed_when_the_account_of_the_only_one_on_it_is_over(self) -> None:
        root = make_person("root", is_superuser=True)
        for end in (accounts.erase_account, deactivate):
            with self.subTest(end=end.__name__):
                gus = make_person(f"gus-{end.__name__}")
                self.event.gate_staff.set([gus])
                end(gus)
                people = [gus, self.greta, self.olga, root]
                self.assertEqual([self.answer_to(person) for person in people[1:]], [404, 200, 200])
                pairs = {(person.pk, self.event.pk) for person in people}
                self.assertEqual(may_scan(pairs), {(person.pk, self.event.pk) for person in people[2:]})

    def test_the_page_says_whose_account_is_over_and_takes_them_off_which_opens_the_gate_to_the_group(self) -> None:
        gus = make_person("gus")
        self.event.gate_staff.set([gus])
        accounts.erase_account(gus)
        browser, address = visit(self.olga, headers=BROWSER), f"/events/{self.event.pk}/gate/"
        self.assertContains(browser.get(address), "This account is closed: it can scan nothing.")
        page = browser.post(f"{address}staff/{gus.pk}/remove/", follow=True)
        self.assertContains(page, "It is empty now: all gate staff can scan this event.")
        self.assertEqual(self.answer_to(self.greta), 200)


def deactivate(person: User) -> None:
    person.is_active = False
    person.save()
