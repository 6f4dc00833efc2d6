"""The organizer's form of an event: times in its own zone, clocks that are moved, and pictures."""

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings
from django.utils.choices import flatten_choices

from core import pictures
from core.forms.events import NO_HOLD_LENGTH
from core.models import Event
from core.organizer_form import zones

from .cast import later, make_event
from .desk import filled
from .organizers import CREATE, NEW, OrganizerCase, path
from .test_bad_pictures import SVG, huge, picture
from .visits import redirect_of

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
SPRING, AUTUMN = "2035-03-25", "2035-10-28"  # when the clocks of Berlin are moved: 02:30 is skipped, and comes twice


class ZoneTests(OrganizerCase):
    def test_times_are_typed_and_shown_in_the_zone_that_is_chosen(self) -> None:
        self.browser.post(CREATE, self.typed(time_zone="America/New_York", starts_at_0="2035-06-01"))
        event = Event.objects.get()
        self.assertEqual(event.starts_at, dt.datetime(2035, 6, 1, 20, tzinfo=NEW_YORK))
        form = filled(self.browser.get(path(event, "edit/")))
        shown = (form["time_zone"], form["starts_at_0"], form["starts_at_1"])
        self.assertEqual(shown, ("America/New_York", "2035-06-01", "20:00"))

    @override_settings(TIME_ZONE="Asia/Tokyo")
    def test_without_a_zone_they_are_the_sites(self) -> None:
        self.browser.post(CREATE, self.typed(starts_at_0="2035-06-01"))
        self.assertEqual(Event.objects.get().starts_at, dt.datetime(2035, 6, 1, 20, tzinfo=ZoneInfo("Asia/Tokyo")))

    @override_settings(TIME_ZONE="Asia/Tokyo")
    def test_given_back_to_the_sites_zone_all_times_are_of_that(self) -> None:
        starts_at = dt.datetime(2035, 6, 1, 20, tzinfo=BERLIN)
        event = make_event(time_zone="Europe/Berlin", starts_at=starts_at, status="draft")
        self.change(event, time_zone="")
        event.refresh_from_db()
        here = dt.datetime(2035, 6, 1, 20, tzinfo=ZoneInfo("Asia/Tokyo"))
        self.assertEqual((event.time_zone, event.starts_at), ("", here))

    def test_with_another_zone_all_times_stay_as_they_are_written(self) -> None:
        starts_at = dt.datetime(2035, 6, 1, 20, tzinfo=BERLIN)
        times = {"ends_at": starts_at + dt.timedelta(hours=2), "sales_open_at": starts_at - dt.timedelta(days=9)}
        event = make_event(time_zone="Europe/Berlin", starts_at=starts_at, status="draft", **times)
        self.assertEqual(self.change(event, time_zone="America/New_York").status_code, 302)
        event.refresh_from_db()
        found = (event.starts_at, event.ends_at)
        walls = [moment.astimezone(NEW_YORK).replace(tzinfo=BERLIN) for moment in found if moment]
        self.assertEqual(walls, [starts_at, times["ends_at"]])
        self.assertEqual(event.sales_open_at, dt.datetime(2035, 5, 23, 20, tzinfo=NEW_YORK))
        self.assertIsNone(event.sales_close_at)

    def test_a_year_beyond_the_calendar_is_refused_at_its_field(self) -> None:
        for zone, day in (
            ("America/New_York", "9999-12-31"),
            ("Asia/Tokyo", "0001-01-01"),
            ("Asia/Tokyo", "9999-12-31"),
        ):
            with self.subTest(zone=zone, day=day):
                answer = self.browser.post(CREATE, self.typed(time_zone=zone, starts_at_0=day))
                self.assertContains(answer, "Type a year from 1970 to 2199.", status_code=400)

    def test_a_zone_that_does_not_exist_is_refused_in_words_and_nothing_is_lost(self) -> None:
        event = make_event(time_zone="Europe/Berlin", auto_hold=False)
        for zone in ("Mars/Base", "../../etc/passwd", "europe/berlin", "x" * 65):
            with self.subTest(zone=zone):
                response = self.change(event, time_zone=zone, venue="Church")
                errors = response.context["form"].errors
                self.assertEqual((response.status_code, list(errors)), (400, ["time_zone"]))
                self.assertEqual(filled(response)["venue"], "Church")
        self.assertIn("is no time zone", str(self.change(event, time_zone="Mars/Base").context["form"].errors))

    def test_every_zone_can_be_chosen_and_one_that_is_stored_stays(self) -> None:
        offered = {value for value, _ in flatten_choices(zones())}
        self.assertLessEqual({"Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC", ""}, offered)
        event = make_event(time_zone="Etc/GMT+5", auto_hold=False)
        self.assertEqual(filled(self.browser.get(path(event, "edit/")))["time_zone"], "Etc/GMT+5")

    def test_zones_are_found_by_their_place_the_common_ones_first_then_by_region(self) -> None:
        groups = [name for name, of_it in zones() if isinstance(of_it, list)]
        self.assertEqual((groups[0], groups[1:]), ("Common", sorted(groups[1:])))
        page = self.browser.get(NEW)
        self.assertContains(page, '<optgroup label="Europe">')
        self.assertContains(page, '<option value="Europe/Oslo">Oslo</option>', html=True)
        self.assertContains(page, '<option value="Europe/Berlin">Berlin (Europe)</option>', html=True)
        self.assertContains(page, "Buenos Aires, Argentina</option>")
        event = make_event(time_zone="Europe/Berlin", auto_hold=False)
        self.assertContains(self.browser.get(path(event, "edit/")), 'value="Europe/Berlin" selected', count=1)

    def test_what_is_no_length_of_a_hold_is_refused_in_our_words_at_its_field(self) -> None:
        for typed in ("soon", "0", "-1", "1.2345", "100000", "NaN"):
            with self.subTest(typed=typed):
                answer = self.browser.post(CREATE, self.typed(hold_minutes=typed))
                errors = answer.context["form"].errors
                self.assertEqual((answer.status_code, errors), (400, {"hold_minutes": [NO_HOLD_LENGTH]}))
                self.assertEqual(filled(answer)["hold_minutes"], typed)

    def test_a_moment_with_seconds_is_not_changed_by_being_shown(self) -> None:
        opened_at = later(days=1).replace(second=31, microsecond=5)
        event = make_event(sales_open_at=opened_at, time_zone="Asia/Kathmandu", auto_hold=False)
        self.change(event, venue="Church")
        self.assertEqual(Event.objects.values_list("venue", "sales_open_at").get(), ("Church", opened_at))


class MovedClockTests(OrganizerCase):
    def test_a_time_that_the_clocks_skip_is_refused_at_its_field(self) -> None:
        form = self.typed(time_zone="Europe/Berlin", starts_at_0=SPRING, starts_at_1="02:30")
        response = self.browser.post(CREATE, form)
        said = {"starts_at": ["There is no 02:30 on this day in Europe/Berlin: the clocks skip it."]}
        self.assertEqual((response.status_code, response.context["form"].errors), (400, said))
        self.assertEqual(filled(response), form)

    def test_one_that_comes_twice_is_the_first_and_it_is_said(self) -> None:
        form = self.typed(time_zone="Europe/Berlin", starts_at_0=AUTUMN, starts_at_1="02:30")
        told = redirect_of(self.browser.post(CREATE, form))[2]
        event = Event.objects.get()
        self.assertEqual(event.starts_at, dt.datetime(2035, 10, 28, 0, 30, tzinfo=dt.UTC))
        self.assertIn("the clocks show 02:30 twice in Europe/Berlin. It means the first time (CEST).", told[0])
        self.assertContains(self.browser.get(path(event, "edit/")), "This time comes twice on that night.")

    def test_the_second_of_two_is_not_changed_by_being_shown(self) -> None:
        second = dt.datetime(2035, 10, 28, 1, 30, tzinfo=dt.UTC)
        event = make_event(time_zone="Europe/Berlin", starts_at=second, auto_hold=False)
        self.change(event, venue="Church")
        self.assertEqual(Event.objects.values_list("venue", "starts_at").get(), ("Church", second))

    def test_the_same_time_is_right_where_the_clocks_stay(self) -> None:
        form = self.typed(time_zone="Asia/Tokyo", starts_at_0=SPRING, starts_at_1="02:30")
        self.assertEqual(self.browser.post(CREATE, form).status_code, 302)


class PictureTests(OrganizerCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.enterContext(TemporaryDirectory()))
        self.enterContext(override_settings(MEDIA_ROOT=self.folder))

    def upload(self, content: bytes, name: str = "poster.png", **typed: str) -> Any:
        form = self.typed(description="Three acts", **typed)
        return self.browser.post(CREATE, form | {"image": SimpleUploadedFile(name, content, "image/png")})

    def test_a_picture_is_stored_anew_under_a_name_of_ours(self) -> None:
        self.assertEqual(self.upload(picture() + b"<script>").status_code, 302)
        (stored,) = self.folder.rglob("*.*")
        self.assertRegex(str(Event.objects.get().image.name), r"^events/[0-9a-f]{32}\.jpg$")
        self.assertNotIn(b"script", stored.read_bytes())

    def test_what_is_no_picture_or_too_large_is_refused_at_the_field_and_the_rest_of_the_form_is_kept(self) -> None:
        for content, name, word in (
            (SVG, "poster.svg", pictures.UNREADABLE),
            (SVG, "poster.png", pictures.UNREADABLE),
            (huge(20_000, 20_000), "poster.png", pictures.UNREADABLE),
            (huge(9000, 9000), "poster.png", pictures.TOO_LARGE),
        ):
            with self.subTest(name=name, size=len(content)):
                response = self.upload(content, name)
                errors = response.context["form"].errors
                self.assertEqual((response.status_code, list(errors)), (400, ["image"]))
                self.assertIn(str(word), str(errors["image"]))
                self.assertEqual(filled(response), self.typed(description="Three acts"))
                self.assertContains(response, "which has to be chosen again", status_code=400)
        self.assertEqual((Event.objects.count(), list(self.folder.rglob("*.*"))), (0, []))

    def test_whatever_else_is_wrong_is_said_together_with_the_picture(self) -> None:
        for content, kind, words in (
            (SVG, "image/png", pictures.UNREADABLE),
            (b"-", pictures.STANDS_FOR_TOO_LARGE, pictures.TOO_LARGE),  # as a browser that has found it too large
        ):
            with self.subTest(kind=kind):
                form = self.typed(capacity="-1", venue="", description="Three acts")
                picked = SimpleUploadedFile("poster.png", content, kind)
                response = self.browser.post(CREATE, form | {"image": picked})
                self.assertEqual(response.context["form"].errors, {
                    "venue": ["This cannot be left empty."],
                    "image": [words],
                    "capacity": ["Type a number of at least 0."],
                })  # fmt: skip
                self.assertEqual((response.status_code, filled(response)), (400, form))

    def test_of_a_hundred_megabytes_nothing_is_kept_but_the_rest_of_the_form(self) -> None:
        with mock.patch.object(pictures, "opened", side_effect=AssertionError("it was read")):
            response = self.upload(b"\0" * 100 * 2**20)
        self.assertEqual(
            (response.status_code, response.context["form"].errors), (400, {"image": [pictures.TOO_LARGE]})
        )
        self.assertEqual(filled(response), self.typed(description="Three acts"))

    def test_of_an_event_it_can_be_changed_and_taken_away(self) -> None:
        self.upload(picture())
        event = Event.objects.get()
        before = event.image.name
        form = filled(self.browser.get(path(event, "edit/")))
        save = path(event, "save/")
        self.browser.post(save, form | {"venue": "Church"})
        self.assertEqual(Event.objects.get().image.name, before)
        self.browser.post(save, form | {"image": SimpleUploadedFile("b.png", picture(), "image/png")})
        self.assertNotIn(Event.objects.get().image.name, {before, ""})
        self.browser.post(save, form | {"image-clear": "on"})
        self.assertEqual(Event.objects.get().image.name, "")

    def test_the_form_shows_the_picture_and_can_be_rid_of_it(self) -> None:
        self.assertNotContains(self.browser.get(NEW), "Remove the picture")
        self.upload(picture())
        event = Event.objects.get()
        page = self.browser.get(path(event, "edit/"))
        self.assertContains(page, f'src="{event.image.url}"')
        self.assertContains(page, "Remove the picture", count=1)
        self.assertContains(page, "of at most 6 MB and 40 million pixels")
        for djangos in ("Currently", "Clear", "Change:"):
            self.assertNotContains(page, djangos)
        both = {"image": SimpleUploadedFile("b.png", picture(), "image/png"), "image-clear": "on"}
        answer = self.browser.post(path(event, "save/"), filled(page) | both)
        self.assertContains(answer, "Choose another picture, or remove the one there is: not both.", status_code=400)

    def test_where_there_is_no_room_for_it_nothing_is_saved_and_it_is_said(self) -> None:
        with override_settings(MEDIA_ROOT="/dev/null/media"), self.assertLogs("core.views.organize", "WARNING"):
            response = self.upload(picture())
        self.assertContains(response, "has no room for this picture", status_code=400)
        self.assertEqual(Event.objects.count(), 0)

    def test_the_page_knows_what_is_refused_of_a_picture_and_in_which_words(self) -> None:
        page = self.browser.get(NEW)
        told = {
            "data-most-bytes": settings.FILE_UPLOAD_MAX_MEMORY_SIZE,
            "data-too-large": pictures.TOO_LARGE,
            "data-unreadable": pictures.UNREADABLE,
        }
        for name, value in told.items():
            self.assertContains(page, f'{name}="{value}"', count=1)
