"""The terms of a line in the admin's form of an event: its order, and who is served first (rules 9 and 10)."""

from typing import Any

from django.contrib.auth.models import Group
from django.test import override_settings
from django.utils.html import strip_tags

from core import clock, steering
from core.models import Event

from .cast import book, join, later, ledger_problems, make_event, open_sale, release
from .desk import at_desk, employ, errors_of, filled
from .test_admin_events import ADD, AdminCase, page_of

FROZEN = "The sale has opened: the order of the line and its tiers stay as they were announced before."
NO_OPENING = "The line is drawn when the sale opens: set a moment in the future, or choose the order of login."
NO_GROUP = "There is no group of this name yet, so nobody is in it: an administrator adds it under Groups."
DRAWN: dict[str, Any] = {"line_policy": "randomised_open"}


def shares() -> dict[str, int]:
    """Return the shares that are stored of the only event."""
    stored: dict[str, int] = Event.objects.get().tier_shares
    return stored


def opening_in(**length: float) -> dict[str, Any]:
    """Return the opening of the sale as it is typed, so far ahead of now."""
    moment = later(**length)
    return {"sales_open_at_0": f"{moment:%Y-%m-%d}", "sales_open_at_1": f"{moment:%H:%M:%S}"}


@override_settings(TIERS=["members", "press"])
class TermsCase(AdminCase):
    def typed(self, **differs: str) -> dict[str, str]:
        """Return the form of a new event, filled in."""
        moment = later(days=30)
        when = {"starts_at_0": f"{moment:%Y-%m-%d}", "starts_at_1": "20:00:00"}
        return filled(self.browser.get(ADD)) | {"name": "Opera", "venue": "House", "capacity": "90"} | when | differs

    def announced(self, **fields: Any) -> Event:
        return make_event(**{"capacity": 90, "auto_hold": False, "sales_open_at": later(days=1)} | fields)

    def help_of(self, event: Event, field: str) -> str:
        form = self.browser.get(page_of(event)).context["adminform"].form
        return strip_tags(form.fields[field].help_text).strip()


class ShareTests(TermsCase):
    def test_a_new_event_serves_first_whom_its_form_says(self) -> None:
        self.assertEqual(self.browser.post(ADD, self.typed(share_1="25", share_2="0")).status_code, 302)
        event = Event.objects.get()
        self.assertEqual(event.tier_shares, {"members": 25})
        self.assertEqual(event.tiers, [{"tier": 1, "name": "members", "places": 22}])

    def test_a_new_event_without_shares_serves_nobody_first(self) -> None:
        self.browser.post(ADD, self.typed())
        self.assertEqual(shares(), {})

    def test_they_can_be_changed_until_the_sale_opens(self) -> None:
        event = self.announced(tier_shares={"members": 25})
        self.assertEqual(self.change(event, share_1="30", share_2="10").status_code, 302)
        self.assertEqual(shares(), {"members": 30, "press": 10})
        for off in ("", "0"):
            self.change(event, share_1="30")
            self.assertEqual(self.change(event, share_1=off).status_code, 302)
            self.assertEqual(shares(), {"press": 10})
        self.assertEqual(ledger_problems(event), [])

    def test_the_form_says_how_many_places_each_comes_to(self) -> None:
        event = self.announced(tier_shares={"members": 25})
        Group.objects.create(name="members")
        self.assertEqual(self.help_of(event, "share_1"), "As saved, in places: 22 of 90.")
        self.assertEqual(self.help_of(event, "share_2"), f"Empty: not served first. {NO_GROUP}")
        label = self.browser.get(page_of(event)).context["adminform"].form.fields["share_1"].label
        self.assertEqual(label, "members: % of the capacity served first")

    def test_a_group_is_named_as_it_is_and_not_as_markup(self) -> None:
        with override_settings(TIERS=["<i>x</i>"]):
            response = self.browser.get(ADD)
        self.assertContains(response, "&lt;i&gt;x&lt;/i&gt;: % of the capacity")
        self.assertNotContains(response, "<i>x")

    def test_nonsense_is_refused_and_kept(self) -> None:
        event = self.announced(tier_shares={"members": 25})
        whole, low, high = (
            "Type a whole number, in digits.",
            "Type a number of at least 0.",
            "Type a number of at most 100.",
        )
        for typed, sentence in (("7.5", whole), ("-1", low), ("101", high), ("many", whole), ("NaN", whole)):
            with self.subTest(typed=typed):
                response = self.change(event, share_2=typed)
                self.assertEqual(errors_of(response), {"share_2": [sentence]})
                self.assertEqual((filled(response)["share_1"], filled(response)["share_2"]), ("25", typed))
        self.assertEqual(shares(), {"members": 25})

    def test_together_they_are_at_most_all_of_the_capacity(self) -> None:
        event = self.announced(tier_shares={"members": 60})
        sentence = "Together, 101% of the capacity would be served first: more than all of it."
        self.assertEqual(errors_of(self.change(event, share_2="41")), {"__all__": [sentence]})
        self.assertEqual(
            errors_of(self.browser.post(ADD, self.typed(share_1="60", share_2="41"))), {"__all__": [sentence]}
        )
        self.assertEqual(self.change(event, share_2="40").status_code, 302)
        self.assertEqual(shares(), {"members": 60, "press": 40})

    def test_what_a_colleague_has_saved_of_another_group_stays(self) -> None:
        event = self.announced(tier_shares={"members": 25})
        form = filled(self.browser.get(page_of(event)))
        steering.revise_event(event_id=event.pk, values={"tier_shares": {"members": 30, "press": 20}})
        self.browser.post(page_of(event), form | {"name": "Renamed"})
        self.assertEqual(shares(), {"members": 30, "press": 20})
        overtaken = self.browser.post(page_of(event), form | {"share_1": "40"})
        told = "This was changed since you opened the page, to “30%”. Save again to put yours in its place."
        self.assertEqual((errors_of(overtaken), shares()), ({"share_1": [told]}, {"members": 30, "press": 20}))
        self.browser.post(page_of(event), filled(overtaken))
        self.assertEqual(shares(), {"members": 40, "press": 20})
        self.assertEqual(list(errors_of(self.change(event, share_1="90"))), ["__all__"])

    def test_a_group_that_the_settings_no_longer_have_goes_with_the_next_change(self) -> None:
        event = self.announced(tier_shares={"patrons": 50, "members": 25})
        self.change(event, name="Renamed")
        self.assertEqual(shares(), {"patrons": 50, "members": 25})
        self.change(event, share_1="60")
        self.assertEqual(shares(), {"members": 60})

    @override_settings(TIERS=[])
    def test_without_tiers_there_are_no_such_fields(self) -> None:
        event = self.announced()
        for page in (ADD, page_of(event)):
            form = filled(self.browser.get(page))
            self.assertEqual([name for name in form if "share" in name], [])
        self.assertEqual(self.change(event, share_1="10", name="Renamed").status_code, 302)
        self.assertEqual(Event.objects.values_list("name", "tier_shares").get(), ("Renamed", {}))


class DrawTests(TermsCase):
    def test_a_new_event_can_be_drawn_at_its_opening(self) -> None:
        self.assertEqual(self.browser.post(ADD, self.typed(**DRAWN, **opening_in(days=2))).status_code, 302)
        self.assertEqual((Event.objects.get().is_drawn, Event.objects.get().opened_at), (True, None))

    def test_a_draw_without_an_opening_to_come_is_refused(self) -> None:
        event = self.announced(status="draft", sales_open_at=None)
        no_opening: dict[str, Any] = {}
        for opening in (no_opening, opening_in(minutes=-1)):
            for response in (
                self.browser.post(ADD, self.typed(**DRAWN, **opening)),
                self.change(event, **DRAWN, **opening),
            ):
                self.assertEqual((response.status_code, errors_of(response)), (200, {"sales_open_at": [NO_OPENING]}))
                self.assertEqual(filled(response)["line_policy"], "randomised_open")
        self.assertEqual(Event.objects.get().line_policy, "login_fifo")
        self.assertEqual(self.change(event, **DRAWN, **opening_in(days=1)).status_code, 302)
        self.assertEqual(Event.objects.get().is_drawn, True)

    def test_an_opening_that_a_draw_needs_cannot_be_taken_away(self) -> None:
        event = self.announced(**DRAWN)
        taken_away: dict[str, Any] = {"sales_open_at_0": "", "sales_open_at_1": ""}
        for opening in (taken_away, opening_in(minutes=-1)):
            self.assertEqual(errors_of(self.change(event, **opening)), {"sales_open_at": [NO_OPENING]})
        self.assertEqual(self.change(event, status="cancelled").status_code, 302)

    def test_a_draft_whose_opening_has_passed_is_edited_and_not_published(self) -> None:
        event = self.announced(**DRAWN, status="draft")
        open_sale(event)
        self.assertEqual(self.change(event, name="Renamed").status_code, 302)
        self.assertEqual(errors_of(self.change(event, status="published")), {"sales_open_at": [NO_OPENING]})
        self.assertEqual(self.change(event, status="cancelled").status_code, 302)

    def test_an_opening_that_was_carried_out_may_be_retold(self) -> None:
        event = self.announced(**DRAWN)
        clock.tick()
        open_sale(event)
        clock.tick()
        taken_away: dict[str, Any] = {"sales_open_at_0": "", "sales_open_at_1": ""}
        self.assertEqual(self.change(event, **taken_away).status_code, 302)
        self.assertEqual(Event.objects.values_list("sales_open_at", "line_policy").get(), (None, "randomised_open"))

    def test_moments_typed_into_a_form_that_came_back_are_stored(self) -> None:
        event = self.announced()
        opening = opening_in(days=3)
        response = self.change(event, **opening, capacity="-1")
        self.assertEqual(list(errors_of(response)), ["capacity"])
        self.assertEqual(self.browser.post(page_of(event), filled(response) | {"capacity": "9"}).status_code, 302)
        stored = Event.objects.get().sales_open_at
        assert stored
        self.assertEqual([f"{stored:%Y-%m-%d}", f"{stored:%H:%M:%S}"], list(opening.values()))


class FrozenTests(TermsCase):
    def test_once_the_sale_has_opened_they_are_read_and_the_form_says_why(self) -> None:
        event = self.announced(tier_shares={"members": 25})
        self.assertNotContains(self.browser.get(page_of(event)), FROZEN)
        open_sale(event)
        response = self.browser.get(page_of(event))
        self.assertContains(response, FROZEN)
        self.assertContains(response, "in order of login")
        self.assertContains(response, f"members: 25% of the capacity (places: 22). {NO_GROUP}")
        self.assertEqual([name for name in filled(response) if "share" in name or "policy" in name], [])

    def test_everything_else_can_still_be_changed(self) -> None:
        event = self.announced(tier_shares={"members": 25}, **DRAWN)
        clock.tick()
        open_sale(event)
        join(event, self.alice)
        self.assertEqual(self.change(event, name="Renamed", capacity="80").status_code, 302)
        found = Event.objects.values_list("name", "capacity", "tier_shares", "line_policy").get()
        self.assertEqual(found, ("Renamed", 80, {"members": 25}, "randomised_open"))

    def test_a_form_that_was_opened_before_is_refused_with_everything_typed_kept(self) -> None:
        event = self.announced(tier_shares={"members": 25})
        form: dict[str, Any] = filled(self.browser.get(page_of(event)))
        open_sale(event)
        opening = {name: form[name] for name in opening_in(days=1)}  # a second later it would be another one
        for typed in ({"share_1": "30"}, {"share_2": "5"}, {"share_1": ""}, DRAWN | opening):
            with self.subTest(typed=typed):
                response = self.browser.post(page_of(event), form | {"name": "Renamed"} | typed)
                self.assertEqual((response.status_code, errors_of(response)), (200, {"__all__": [FROZEN]}))
                kept = filled(response)
                self.assertEqual({name: kept[name] for name in ("name", *typed)}, {"name": "Renamed"} | typed)
        self.assertEqual(Event.objects.values_list("name", "tier_shares").get(), ("Concert", {"members": 25}))

    def test_a_form_that_was_opened_before_still_changes_everything_else(self) -> None:
        event = self.announced(tier_shares={"members": 25})
        form = filled(self.browser.get(page_of(event)))
        open_sale(event)
        self.assertEqual(self.browser.post(page_of(event), form | {"name": "Renamed"}).status_code, 302)
        self.assertEqual(Event.objects.values_list("name", "tier_shares").get(), ("Renamed", {"members": 25}))

    def test_a_frozen_form_that_comes_back_with_an_error_stays_frozen(self) -> None:
        event = make_event(auto_hold=False)
        book(event, self.alice)
        response = self.change(event, capacity="0", **opening_in(days=1))
        self.assertEqual(list(errors_of(response)), ["capacity"])
        self.assertContains(response, FROZEN)
        self.assertNotIn("line_policy", filled(response))

    def test_a_sale_that_is_put_off_stays_frozen_for_those_who_wait_since_it_opened(self) -> None:
        event = make_event(auto_hold=False)
        join(event, self.alice)
        steering.revise_event(event_id=event.pk, values={"sales_open_at": later(days=1)})
        self.assertContains(self.browser.get(page_of(event)), FROZEN)
        release(event, self.alice)
        self.assertContains(self.browser.get(page_of(event)), FROZEN)

    def test_who_may_only_look_reads_them_before_the_opening_too(self) -> None:
        event = self.announced(tier_shares={"press": 10})
        employ(self.olga, "view_event")
        response = at_desk(self.olga).get(page_of(event))
        self.assertContains(response, "press: 10% of the capacity (places: 9).")
        self.assertNotContains(response, FROZEN)

    def test_a_published_event_without_an_opening_is_frozen_as_soon_as_it_is_stored(self) -> None:
        self.browser.post(ADD, self.typed(share_1="25"))
        response = self.browser.get(page_of(Event.objects.get()))
        self.assertContains(response, FROZEN)
        self.assertContains(response, "members: 25% of the capacity (places: 22).")
