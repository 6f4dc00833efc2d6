"""Pages speak the language of whoever reads them: chosen, remembered, and kept apart where pages are shared."""

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from gettext import c2py
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client, SimpleTestCase, TestCase, override_settings
from django.utils import translation
from django.utils.formats import date_format

from core import shared_answers
from core.formats import patterns
from core.models import User
from core.script_words import SAMPLES, words
from core.templatetags import cards
from tools.messages import plural_forms

from .cast import Cast, appoint, make_event
from .sockets import SocketCase
from .test_language_of_mails import LANGUAGES, write_catalog
from .test_shared_answers import stop_the_clock
from .visits import BROWSER, JSON, answer_of, target_of, visit

TEMPLATES = Path(settings.BASE_DIR) / "core/templates"
GERMAN = {
    "Events": "Veranstaltungen",
    "Available": "Erhältlich",
    "Language": "Sprache",
    "Time is up": "Die Zeit ist um",
    "Every place is booked or held. Join the line: the next free place goes to the first in it.": "Alles vergeben.",
    "%(count)d person ahead of you\0%(count)d people ahead of you": "%(count)d Person vor dir\0%(count)d Leute vor dir",
}
IN_GERMAN = {"Accept-Language": "de-DE,de;q=0.9,en;q=0.5"}


@contextmanager
def german() -> Iterator[None]:
    """Let the site have a German catalog of a few words, and Arabic, which is read from right to left."""
    with tempfile.TemporaryDirectory() as folder:
        write_catalog(Path(folder), "de", GERMAN)
        with override_settings(LANGUAGES=LANGUAGES, LOCALE_PATHS=[folder]):
            yield


class LanguageCase(Cast, TestCase):
    def setUp(self) -> None:
        self.enterContext(german())
        self.enterContext(translation.override("en"))
        cards._kept.clear()
        self.addCleanup(cards._kept.clear)

    def page(self, client: Client, path: str = "/", **headers: str) -> str:
        response = client.get(path, headers=BROWSER | headers)
        self.assertEqual(response.status_code, 200)
        return str(response.content.decode())

    def language_of(self, client: Client, path: str = "/", **headers: str) -> str:
        found = re.search(r'<html lang="([^"]+)"', self.page(client, path, **headers))
        assert found is not None
        return found[1]

    def choose(self, client: Client, language: str, **said: str) -> Any:
        return client.post("/language/choose/", {"language": language, **said}, headers=BROWSER)


class ChoosingTests(LanguageCase):
    def test_a_browser_is_spoken_to_in_the_best_language_that_it_asks_for(self) -> None:
        asked = {"": "en", "de-AT,en;q=0.5": "de", "fr,ar;q=0.2": "ar", "fr": "en", "x" * 600: "en", "*": "en"}
        for header, expected in asked.items():
            with self.subTest(header=header[:20]):
                self.assertEqual(self.language_of(visit(), **{"Accept-Language": header}), expected)

    def test_what_was_chosen_is_remembered_by_the_browser_before_what_it_asks_for(self) -> None:
        client = visit()
        cookie = self.choose(client, "de").cookies[settings.LANGUAGE_COOKIE_NAME]
        self.assertEqual(
            (cookie.value, cookie["httponly"], cookie["samesite"], cookie["path"]), ("de", True, "Lax", "/")
        )
        self.assertIn("Veranstaltungen", self.page(client, **{"Accept-Language": "ar"}))
        self.assertEqual(self.language_of(visit()), "en")

    def test_a_language_that_the_site_has_not_is_refused_and_not_spoken(self) -> None:
        client = visit()
        self.assertEqual(self.choose(client, "fr").status_code, 400)
        self.assertEqual(answer_of(client.post("/language/choose/", {"language": "fr"}))[0], 400)
        self.assertNotIn(settings.LANGUAGE_COOKIE_NAME, client.cookies)
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = "fr"
        self.assertEqual(self.language_of(client), "en")

    def test_a_persons_choice_is_kept_with_them_and_goes_before_any_browsers(self) -> None:
        self.choose(visit(self.alice), "de")
        self.assertEqual(User.objects.get(pk=self.alice.pk).mail_language, "de")
        elsewhere = visit(self.alice)
        elsewhere.cookies[settings.LANGUAGE_COOKIE_NAME] = "ar"
        self.assertEqual(self.language_of(elsewhere, "/dashboard/"), "de")
        self.assertEqual(self.language_of(visit(self.bob), "/dashboard/"), "en")

    def test_one_comes_back_to_the_page_where_one_chose_and_to_no_other_site(self) -> None:
        for said, referer, expected in (
            ({}, "http://testserver/calendar/?month=2030-06", "/calendar/?month=2030-06"),
            ({"next": "/status/"}, "http://testserver/", "/status/"),
            ({"next": "//evil.example/"}, "https://evil.example/", "/"),
            ({"next": "https://evil.example/"}, "", "/"),
        ):
            form = {"language": "de", **said}
            response = visit().post("/language/choose/", form, headers=BROWSER | {"Referer": referer})
            with self.subTest(said=said, referer=referer):
                self.assertEqual((response.status_code, target_of(response)), (302, expected))

    def test_nobody_elses_page_can_choose(self) -> None:
        client = visit(self.alice, enforce_csrf_checks=True)
        self.assertEqual(self.choose(client, "de").status_code, 403)
        self.assertEqual(User.objects.get(pk=self.alice.pk).language, "")

    def test_a_program_that_chooses_is_told_so(self) -> None:
        response = visit(self.alice).post("/language/choose/", {"language": "ar"})
        self.assertEqual(answer_of(response), (200, {"status": "stored"}))

    def test_whoever_signs_up_is_written_to_in_the_language_of_that_page(self) -> None:
        form = {
            "username": "dora",
            "email": "dora@example.org",
            "password1": "a long password",
            "password2": "a long password",
        }
        visit(headers=BROWSER | IN_GERMAN).post("/accounts/signup/", form)
        self.assertEqual(User.objects.get(username="dora").language, "de")


class SpokenTests(LanguageCase):
    def test_every_language_is_offered_in_its_own_name_and_direction(self) -> None:
        form = self.page(visit(self.alice), "/dashboard/")
        for code, name, direction in (("de", "Deutsch", "ltr"), ("ar", "العربيّة", "rtl")):
            button = re.search(rf'<button class="languages__choice"[^>]*value="{code}"[^>]*>([^<]*)<', form)
            assert button is not None
            self.assertEqual(button[1].strip(), name)
            self.assertIn(f'lang="{code}"', button[0])
            self.assertIn(f'dir="{direction}"', button[0])

    def test_a_page_that_is_shared_leads_to_the_form_and_has_none(self) -> None:
        self.assertNotIn("csrfmiddlewaretoken", self.page(visit()))
        self.assertIn('href="/language/"', self.page(visit()))
        self.assertIn("csrfmiddlewaretoken", self.page(visit(), "/language/"))

    def test_beside_a_form_that_came_back_there_is_nothing_that_would_lose_it(self) -> None:
        appoint(self.olga)
        olga = visit(self.olga, headers=BROWSER)
        self.assertIn('class="languages"', self.page(olga, "/organize/new/"))
        refused = olga.post("/organize/create/", {"name": "Opera"})
        self.assertContains(refused, "Opera", status_code=400)
        self.assertNotContains(refused, 'class="languages"', status_code=400)
        refused = visit(headers=BROWSER).post("/accounts/login/", {"login": "alice", "password": "wrong"})
        self.assertNotContains(refused, 'class="languages"')

    def test_a_language_read_from_right_to_left_says_so_on_every_kind_of_page(self) -> None:
        client = visit(headers=BROWSER | {"Accept-Language": "ar"})
        for path, status in (("/", 200), ("/accounts/login/", 200), ("/nothing/", 404), ("/language/", 200)):
            response = client.get(path)
            with self.subTest(path=path):
                self.assertEqual(response.status_code, status)
                self.assertContains(response, '<html lang="ar" dir="rtl">', status_code=status)
                self.assertEqual(response.headers["Content-Language"], "ar")

    def test_nothing_spoken_is_left_to_whoever_comes_next(self) -> None:
        self.page(visit(), **IN_GERMAN)
        self.assertEqual(translation.get_language(), "en")
        User.objects.filter(pk=self.alice.pk).update(language="de")
        self.page(visit(self.alice), "/dashboard/")
        self.assertEqual(translation.get_language(), "en")

    def test_refusals_are_in_the_language_of_whom_they_are_told_to(self) -> None:
        event = make_event(capacity=0)
        for headers, detail in ((IN_GERMAN, "Alles vergeben."), ({}, "Every place is booked or held.")):
            told = visit(self.alice).post(f"/book/{event.pk}/", headers=JSON | headers).json()
            with self.subTest(headers=headers):
                self.assertEqual(told["status"], "sold_out")
                self.assertTrue(told["detail"].startswith(detail))


@override_settings(SHARED_SECONDS=1)
class SharedTests(LanguageCase):
    def setUp(self) -> None:
        super().setUp()
        stop_the_clock(self)
        make_event(name="Opera")

    def test_an_answer_is_shared_within_one_language_alone(self) -> None:
        for headers, said, other in (
            ({}, "Available", "Erhältlich"),
            (IN_GERMAN, "Erhältlich", "Available"),
            ({}, "Available", "Erhältlich"),
        ):
            page = re.sub(r"<script.*?</script>", "", self.page(visit(), **headers), flags=re.DOTALL)
            with self.subTest(headers=headers):
                self.assertIn(said, page)
                self.assertNotIn(other, page)

    def test_languages_asked_for_in_other_words_share_one_answer(self) -> None:
        for header in ("de", "de-DE", "de-AT,en;q=0.1", "de;q=0.7"):
            self.page(visit(), **{"Accept-Language": header})
        self.assertEqual(len(shared_answers._answers), 1)


class SocketTests(SocketCase):
    def setUp(self) -> None:
        self.enterContext(german())
        super().setUp()
        self.event = make_event(capacity=0, auto_hold=False)

    async def detail(self, person: User, **headers: str) -> str:
        socket = await self.open("/ws/dashboard/", await sync_to_async(visit)(person), **headers)
        await self.said(socket, 1)
        await socket.send_json_to({"type": "book", "event": self.event.pk, "key": "k"})
        answer = (await self.until(socket, type="result", key="k"))[-1]
        return str(answer["detail"])

    async def test_a_refusal_is_in_the_language_of_the_page_that_asked(self) -> None:
        await User.objects.filter(pk=self.bob.pk).aupdate(language="de")
        self.assertEqual(await self.detail(self.alice, accept_language="de"), "Alles vergeben.")
        self.assertEqual(await self.detail(self.bob), "Alles vergeben.")
        self.assertTrue((await self.detail(self.greta)).startswith("Every place is booked or held."))
        await self.close()


class MomentTests(SimpleTestCase):
    at = datetime(2030, 7, 1, 20, 15, tzinfo=ZoneInfo("Europe/Berlin"))

    def test_each_language_has_its_order_and_english_what_is_written(self) -> None:
        for language, expected in (
            ("en", "Monday 1 July 2030, 20:15"),
            ("de", "Montag, 1. Juli 2030, 20:15"),
            ("es", "lunes 1 de julio de 2030, 20:15"),
            ("ar", "الاثنين، 1 يوليو 2030، 20:15"),
        ):
            with self.subTest(language=language), translation.override(language):
                self.assertEqual(date_format(self.at, "l j F Y, H:i"), expected)

    def test_every_day_of_a_template_is_known_to_every_language_that_has_an_order(self) -> None:
        used = {
            pattern
            for file in TEMPLATES.rglob("*.html")
            for pattern in re.findall(r"""\|date:["']([^"']+)["']""", file.read_text())
            if "j " in pattern and re.search("[MF]", pattern)
        }
        self.assertIn("l j F Y, H:i", used)
        for language in ("de", "es", "ar"):
            known = vars(import_module(f"core.formats.{language}.formats"))
            with self.subTest(language=language):
                self.assertEqual(used - set(known), set())

    def test_a_pattern_has_its_times_behind_it(self) -> None:
        self.assertEqual(patterns({"j M": "j. M"}, comma=" um ")["j M, H:i"], "j. M um H:i")


class ScriptWordsTests(LanguageCase):
    def words_of(self, page: str) -> Any:
        found = re.search(r'<script id="words" type="application/json">(.*?)</script>', page)
        assert found is not None
        return json.loads(found[1])

    def test_a_page_brings_the_words_of_its_scripts_in_its_language(self) -> None:
        self.assertEqual(self.words_of(self.page(visit()))["time_up"], "Time is up")
        said = self.words_of(self.page(visit(), **IN_GERMAN))
        self.assertEqual(said["time_up"], "Die Zeit ist um")
        self.assertEqual((said["ahead"]["1"], said["ahead"]["3"]), ("{count} Person vor dir", "{count} Leute vor dir"))

    def test_the_scripts_have_no_word_that_the_page_lacks(self) -> None:
        scripts = (Path(settings.BASE_DIR) / "core/static/core/js").glob("*.js")
        source = "\n".join(file.read_text() for file in scripts if file.name != "notify.js")
        asked = set(re.findall(r"""\b(?:words|counted)\("(\w+)\"""", source))
        self.assertGreater(len(asked), 15)
        self.assertEqual(asked - set(words("en")), set())

    def test_every_plural_form_of_a_language_has_a_number(self) -> None:
        for language, count in (("de", 2), ("es", 3), ("ar", 6)):
            form = c2py(plural_forms(language).partition("plural=")[2].rstrip(";"))
            with self.subTest(language=language):
                self.assertEqual({form(number) for number in SAMPLES}, set(range(count)))
