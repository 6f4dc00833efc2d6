"""Two who change the same of an event, in two tabs say: the later one is told, and nothing is replaced unseen."""

import datetime as dt
from functools import partial
from typing import Any

from django.test import TransactionTestCase

from core import organizing
from core.models import AuditEntry, Event
from core.refusals import Overtaken

from .cast import CastOfRaces, later, make_event, race, revise
from .desk import filled
from .organizers import OrganizerCase, path
from .visits import redirect_of

TOLD = "This was changed since you opened the page"
MEANT = "Save again to put yours in its place."


class OvertakenTests(OrganizerCase):
    def setUp(self) -> None:
        super().setUp()
        self.event = make_event(name="Opera", venue="House", capacity=9, time_zone="Europe/Berlin", auto_hold=True)
        self.opened: dict[str, Any] = filled(self.browser.get(path(self.event, "edit/")))

    def save(self, form: dict[str, Any]) -> Any:
        return self.browser.post(path(self.event, "save/"), form)

    def test_the_later_one_is_told_what_it_is_now_and_replaces_it_by_saving_once_more(self) -> None:
        revise(self.event, venue="Palace", auto_hold=False, starts_at=later(days=9), description="Long")
        day = f"{later(days=5):%Y-%m-%d}"
        typed = {"venue": "Barn", "description": "Short", "name": "Ballet", "starts_at_0": day, "starts_at_1": "19:00"}
        refused = self.save(self.opened | typed)
        said = {
            "venue": [f"{TOLD}, to “Palace”. {MEANT}"],
            "starts_at": [f"{TOLD}, to “{self.event.local(later(days=9))}”. {MEANT}"],
            "description": [f"{TOLD}. {MEANT}"],
        }
        self.assertEqual((refused.status_code, refused.context["form"].errors), (400, said))
        self.assertEqual(Event.objects.get().venue, "Palace")
        again: dict[str, Any] = filled(refused)
        self.assertEqual(again, again | typed)
        self.assertEqual(self.save(again).status_code, 302)
        self.assertEqual(Event.objects.values_list("venue", "description", "name").get(), ("Barn", "Short", "Ballet"))
        saved = Event.objects.get()
        self.assertEqual((saved.local(saved.starts_at).split()[-2], saved.auto_hold), ("19:00", False))

    def test_who_takes_over_what_is_there_by_now_changes_nothing_of_it(self) -> None:
        revise(self.event, venue="Palace")
        again = filled(self.save(self.opened | {"venue": "Barn"}))
        saved = self.save(again | {"venue": "Palace"})
        self.assertEqual(redirect_of(saved)[2], ["Nothing was changed."])

    def test_a_time_is_not_saved_in_a_zone_that_the_page_did_not_show(self) -> None:
        revise(self.event, time_zone="Asia/Tokyo")
        refused = self.save(self.opened | {"starts_at_1": "19:00"})
        errors = refused.context["form"].errors
        self.assertEqual((refused.status_code, list(errors)), (400, ["time_zone", "starts_at"]))
        self.assertIn("Asia/Tokyo", errors["time_zone"][0])

    def test_ends_of_lines_as_browsers_send_them_are_no_change_of_somebody_else(self) -> None:
        revise(self.event, description="Three acts\nand a break")
        form: dict[str, Any] = filled(self.browser.get(path(self.event, "edit/")))
        sent = {name: str(value).replace("\n", "\r\n") for name, value in form.items()}
        self.assertEqual(self.save(sent | {"description": "Four acts"}).status_code, 302)
        self.assertEqual(Event.objects.get().description, "Four acts")

    def test_with_the_zone_all_moments_are_said_to_be_others_at_once(self) -> None:
        starts_at = self.event.starts_at.replace(hour=18)  # whatever time it is now: 3 o'clock is before its end
        revise(self.event, starts_at=starts_at, ends_at=starts_at + dt.timedelta(hours=2))
        opened: dict[str, Any] = filled(self.browser.get(path(self.event, "edit/")))
        revise(self.event, time_zone="Asia/Tokyo")
        refused = self.save(opened | {"starts_at_1": "03:00"})
        self.assertEqual(list(refused.context["form"].errors), ["time_zone", "starts_at", "ends_at"])
        self.assertEqual(self.save(filled(refused)).status_code, 302)
        saved = Event.objects.get()
        self.assertEqual((saved.time_zone, saved.local(saved.starts_at).split()[-2]), ("Europe/Berlin", "03:00"))

    def test_a_form_that_does_not_say_what_it_showed_is_taken_at_its_word(self) -> None:
        revise(self.event, venue="Palace")
        said = {name: value for name, value in self.opened.items() if not name.startswith("initial-")}
        self.assertEqual(self.save(said | {"venue": "Barn"}).status_code, 302)
        self.assertEqual(Event.objects.get().venue, "Barn")


class AtTheSameMomentTests(CastOfRaces, TransactionTestCase):
    def test_of_many_who_saw_the_same_event_one_changes_it_and_the_others_are_refused(self) -> None:
        seen = make_event(venue="House", auto_hold=False)
        venues = [f"Hall {number}" for number in range(8)]
        results = race(
            partial(organizing.revise, event_id=seen.pk, values={"venue": venue}, seen=seen) for venue in venues
        )
        self.assertEqual([result for result in results if not isinstance(result, Overtaken)], [True])
        self.assertEqual(AuditEntry.objects.filter(action="event_changed").count(), 1)
        self.assertEqual(Event.objects.get().venue, venues[results.index(True)])
