"""What an event's page tells previews of links and search engines: structured data, Open Graph, and a picture."""

import datetime as dt
import html
import io
import json
import re
from typing import Any
from unittest.mock import patch

from django.test import SimpleTestCase, TestCase, override_settings
from PIL import Image

from core import artwork, letters
from core.models import Event

from .cast import Cast, ago, book, join, later, make_event
from .visits import BROWSER, visit

EVIL = "</script><script>alert(1)</script><!-- & \"'\u2028 --> {{ 7*7 }}"
SCHEMA = "https://schema.org/"


class ToldCase(Cast, TestCase):
    def setUp(self) -> None:
        self.event = make_event(
            name="Opera", venue="Old Hall", description="By  candle\nlight.", capacity=1, time_zone="Europe/Berlin",
            starts_at=dt.datetime(2099, 7, 1, 18, 15, tzinfo=dt.UTC), auto_hold=False,
        )  # fmt: skip

    def change(self, **fields: Any) -> None:
        Event.objects.filter(pk=self.event.pk).update(**fields)

    def page(self, person: Any = None) -> str:
        response = visit(person, headers=BROWSER).get(f"/events/{self.event.pk}/")
        self.assertEqual(response.status_code, 200)
        return response.content.decode()

    def metas(self, page: str) -> dict[str, str]:
        """Return what the `meta` elements of a page say, by their name or property."""
        found = re.findall(r'<meta (?:name|property)="([^"]+)"\s+content="([^"]*)"', page)
        return {name: html.unescape(content) for name, content in found}

    def structured(self, person: Any = None) -> dict[str, Any]:
        """Return the structured data of the page, as a browser finds where its element ends."""
        texts = re.findall(r'<script type="application/ld\+json">(.*?)</script', self.page(person), re.DOTALL)
        self.assertEqual(len(texts), 1)
        told: dict[str, Any] = json.loads(texts[0])
        return told


@override_settings(SITE_URL="https://tickets.example/", SITE_URL_IS_KNOWN=True)
class StructuredDataTests(ToldCase):
    def test_it_is_the_event_in_the_words_of_schema_org(self) -> None:
        url = f"https://tickets.example/events/{self.event.pk}/"
        picture = f"{url}picture-{artwork.mark_of(self.event)}.png"
        self.assertEqual(self.structured(), {
            "@context": "https://schema.org",
            "@type": "Event",
            "name": "Opera",
            "url": url,
            "description": "Wed 1 Jul 2099, 20:15 CEST, Old Hall. By candle light.",
            "image": [picture],
            "startDate": "2099-07-01T20:15:00+02:00",
            "eventStatus": f"{SCHEMA}EventScheduled",
            "eventAttendanceMode": f"{SCHEMA}OfflineEventAttendanceMode",
            "location": {"@type": "Place", "name": "Old Hall", "address": "Old Hall"},
            "maximumAttendeeCapacity": 1,
            "offers": {"@type": "Offer", "url": url, "availability": f"{SCHEMA}InStock"},
        })  # fmt: skip

    def test_it_says_when_the_event_ends_when_its_sale_opens_and_what_it_looks_like(self) -> None:
        ends_at = dt.datetime(2099, 7, 1, 22, tzinfo=dt.UTC)
        self.change(ends_at=ends_at, sales_open_at=ends_at - dt.timedelta(days=9), image="events/a.png")
        told = self.structured()
        self.assertEqual((told["endDate"], told["offers"]["validFrom"], told["image"]), (
            "2099-07-02T00:00:00+02:00", "2099-06-23T00:00:00+02:00", ["https://tickets.example/media/events/a.png"],
        ))  # fmt: skip

    def test_it_says_whether_there_are_places(self) -> None:
        offers = [self.structured()["offers"]["availability"]]
        join(self.event, self.alice)
        offers.append(self.structured()["offers"]["availability"])
        book(self.event, self.alice)
        offers.append(self.structured()["offers"]["availability"])
        for fields in ({"sales_open_at": later(days=1)}, {"sales_open_at": None, "sales_close_at": ago(days=1)}):
            self.change(**fields)
            offers.append(self.structured()["offers"]["availability"])
        expected = ("InStock", "OutOfStock", "SoldOut", "PreSale", "OutOfStock")  # what is held may come back
        self.assertEqual(offers, [f"{SCHEMA}{word}" for word in expected])

    def test_it_says_that_an_event_is_cancelled(self) -> None:
        self.change(status="cancelled")
        told = self.structured()
        self.assertEqual((told["eventStatus"], told["offers"]["availability"]),
                         (f"{SCHEMA}EventCancelled", f"{SCHEMA}OutOfStock"))  # fmt: skip

    def test_no_text_ends_its_element_or_is_markup(self) -> None:
        self.change(name=EVIL, venue=EVIL, description=EVIL)
        told = self.structured()
        self.assertEqual((told["name"], told["location"]["name"]), (EVIL, EVIL))
        self.assertNotIn("<script>alert", self.page())

    def test_a_draft_tells_nothing(self) -> None:
        self.change(status="draft")
        page = self.page(self.olga)
        self.assertNotIn("ld+json", page)
        self.assertNotIn("og:", page)

    def test_it_is_the_same_whoever_looks(self) -> None:
        join(self.event, self.alice)
        self.assertEqual(self.structured(self.alice), self.structured())


@override_settings(SITE_URL="https://tickets.example/", SITE_URL_IS_KNOWN=True)
class PreviewTests(ToldCase):
    def test_a_link_to_an_event_is_shown_with_its_name_its_facts_and_a_picture(self) -> None:
        page = self.page()
        url = f"https://tickets.example/events/{self.event.pk}/"
        expected = {
            "og:title": "Opera",
            "og:url": url,
            "og:description": "Wed 1 Jul 2099, 20:15 CEST, Old Hall. By candle light.",
            "og:image": f"{url}picture-{artwork.mark_of(self.event)}.png",
            "og:image:width": "1200",
            "og:image:height": "630",
            "twitter:card": "summary_large_image",
        }
        metas = self.metas(page)
        self.assertEqual({name: metas.get(name) for name in expected}, expected)
        self.assertIn(f'<link rel="canonical" href="{url}">', page)

    def test_an_event_s_own_picture_comes_first(self) -> None:
        self.change(image="events/a.png")
        metas = self.metas(self.page())
        self.assertEqual((metas["og:image"], metas.get("og:image:width")),
                         ("https://tickets.example/media/events/a.png", None))  # fmt: skip

    def test_texts_are_text_and_a_long_description_is_cut(self) -> None:
        self.change(name=EVIL, description='"><b>' + "word " * 500)
        metas = self.metas(self.page())
        self.assertEqual(metas["og:title"], EVIL)
        self.assertLessEqual(len(metas["description"]), 200)
        self.assertTrue(metas["description"].endswith("…"))

    def test_where_nobody_said_the_site_s_address_it_is_the_one_that_was_asked(self) -> None:
        with self.settings(SITE_URL_IS_KNOWN=False):
            metas = self.metas(self.page())
        self.assertEqual(metas["og:url"], f"http://testserver/events/{self.event.pk}/")

    def test_lists_have_one_address_and_searches_are_not_for_search_engines(self) -> None:
        client = visit(headers=BROWSER)
        self.assertRegex(client.get("/").content.decode(), r'rel="canonical"\s+href="https://tickets.example/">')
        self.assertIn(
            "https://tickets.example/static/core/img/icon-512", self.metas(client.get("/").content.decode())["og:image"]
        )
        self.assertNotContains(client.get("/"), "noindex")
        self.assertContains(client.get("/?q=opera"), "noindex")

    def test_the_link_can_be_copied_and_shared(self) -> None:
        page = self.page()
        url = f"https://tickets.example/events/{self.event.pk}/"
        self.assertIn(f'id="share-link" dir="ltr">{url}</bdi>', page)
        self.assertIn('data-copy="share-link"', page)
        self.assertRegex(page, rf'data-share="{url}"\s+hidden')


class PictureTests(ToldCase):
    def picture(self, mark: str = "") -> Any:
        return visit().get(f"/events/{self.event.pk}/picture-{mark or artwork.mark_of(self.event)}.png")

    def test_it_is_a_png_of_the_size_that_previews_have(self) -> None:
        response = self.picture()
        image = Image.open(io.BytesIO(response.content))
        self.assertEqual(
            (response.headers["Content-Type"], image.format, image.size), ("image/png", "PNG", (1200, 630))
        )

    def test_by_its_own_name_it_is_kept_for_a_year_and_by_another_for_minutes(self) -> None:
        own, old = self.picture(), self.picture("0a")
        self.assertEqual([response.headers["Cache-Control"] for response in (own, old)],
                         ["public, max-age=31536000, immutable", "public, max-age=300"])  # fmt: skip
        self.assertEqual(own.content, old.content)

    def test_another_name_of_the_event_is_another_picture_with_another_address(self) -> None:
        first = self.picture()
        mark = artwork.mark_of(self.event)
        self.event.name = "Ballet"
        self.event.save()
        self.assertNotEqual(artwork.mark_of(self.event), mark)
        self.assertNotEqual(self.picture().content, first.content)

    def test_a_draft_s_picture_is_its_managers_and_kept_nowhere(self) -> None:
        self.change(status="draft")
        self.assertEqual(self.picture().status_code, 404)
        path = f"/events/{self.event.pk}/picture-{artwork.mark_of(self.event)}.png"
        self.assertEqual(visit(self.olga).get(path).headers["Cache-Control"], "no-store")


class DrawingTests(ToldCase):
    def test_an_event_without_a_picture_has_its_drawing_on_its_page_and_one_with_a_picture_that(self) -> None:
        drawing = artwork.drawing_of(self.event)
        page = self.page()
        self.assertEqual(len(re.findall(r'<circle[^>]* stroke="#', page)), len(drawing.rings))
        self.assertIn(f'stop-color="{drawing.bottom}"', page)
        self.change(image="events/own.png")
        page = self.page()
        self.assertNotIn('stroke="#', page)
        self.assertRegex(page, r'<img class="cover"\s+src="[^"]*events/own\.png"')

    def test_it_is_that_of_the_preview(self) -> None:
        drawing = artwork.drawing_of(self.event)
        with Image.open(io.BytesIO(artwork.picture_of(self.event))) as image:
            found: Any = image.convert("RGB").getcolors(2**16)
        colors = {"#{:02x}{:02x}{:02x}".format(*color) for _, color in found}
        self.assertLessEqual({drawing.top, drawing.bottom}, colors)
        self.assertLess(len(drawing.rings), 10)
        self.change(name="Ballet")
        self.event.refresh_from_db()
        self.assertNotEqual(artwork.drawing_of(self.event), drawing)


class ArtworkTests(SimpleTestCase):
    def test_the_same_id_and_name_are_drawn_the_same(self) -> None:
        artwork._drawn.cache_clear()
        first = artwork._drawn(7, "Opera")
        artwork._drawn.cache_clear()
        self.assertEqual(artwork._drawn(7, "Opera"), first)
        self.assertNotEqual(artwork._drawn(8, "Opera"), first)

    def test_any_name_can_be_drawn(self) -> None:
        for name in (
            "",
            " ",
            "x" * 200,
            "a " * 100,
            "مهرجان",
            "東京 コンサート",
            "🎫👩‍👩‍👧",
            "\u202eevil",
            "\ud800",
            "a\nb",
        ):
            with self.subTest(name=name):
                self.assertEqual(Image.open(io.BytesIO(artwork._drawn(1, name))).size, artwork.SIZE)

    def test_a_name_is_written_without_its_pictures(self) -> None:
        expected = {"Opera": "Opera", "Rock ’n’ Roll – “Live”": "Rock 'n' Roll - \"Live\"", "Fête": "Fête",
                    "Jazz 🎷 night": "Jazz night", "🎷": "", "\u202eevil": "evil"}  # fmt: skip
        self.assertEqual({name: artwork.written(name) for name in expected}, expected)

    def test_names_of_other_letters_are_written_where_their_language_begins(self) -> None:
        bare = self.white(artwork._drawn(1, ""))
        for name, on_the_left in (
            ("Große Fête", True),
            ("Концерт", True),
            ("東京 コンサート", True),
            ("مهرجان", False),
        ):
            with self.subTest(name=name):
                white = self.white(artwork._drawn(1, name)) - bare
                self.assertGreater(len(white), 500)
                self.assertEqual(min(x for x, _ in white) < 2 * artwork.MARGIN, on_the_left)

    def white(self, png: bytes) -> set[tuple[int, int]]:
        """Return where a picture has the color of its letters, above the name of the site."""
        with Image.open(io.BytesIO(png)) as image:
            pixels: Any = image.convert("L").point(lambda shade: 255 * (shade > 230))
            width, height = image.size[0], image.size[1] - 2 * artwork.MARGIN
            return {(x, y) for x in range(0, width, 2) for y in range(0, height, 2) if pixels.getpixel((x, y))}

    def test_a_name_that_no_letters_of_this_machine_can_write_is_left_out(self) -> None:
        artwork._drawn.cache_clear()
        self.addCleanup(artwork._drawn.cache_clear)
        with patch.object(letters, "face_for", return_value=None):
            self.assertEqual(self.white(artwork._drawn(1, "Fête")), self.white(artwork._drawn(1, "")))
            self.assertGreater(len(self.white(artwork._drawn(1, "Opera"))), 500)
        self.assertIsNone(letters.face_for("\U0010ffff"))
        with patch("core.letters.subprocess.run", side_effect=FileNotFoundError):
            self.assertIsNone(letters.face_for("ä"))
