"""Mails are in the language of whom they go to, whoever's request or thread writes them; adding a catalog is enough."""

import json
import re
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import allauth
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.contenttypes.models import ContentType
from django.core import mail as outgoing
from django.test import RequestFactory, SimpleTestCase, TestCase, override_settings
from django.utils import translation
from post_office.models import Email

from core import accounts, allocation, mailing, transfer
from core.models import AuditEntry, Cause, User
from core.telling import everybody, messages, places
from core.trust import personal_data, too_often

from .cast import Cast, book, join, make_event, offer, release, revise
from .test_messages import TYPED
from .test_notices import NoticeCase
from .visits import BROWSER, JSON, answer_of, redirect_of, visit

TEMPLATES = Path(settings.BASE_DIR) / "core/templates"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ar", "العربية")]
HEADER = "Content-Type: text/plain; charset=utf-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
# As gettext keeps them: a context before \4, a plural behind \0.
GERMAN = {
    "Your turn: %(event)s": "Du bist dran: %(event)s",
    "It is your turn, %(name)s: a ticket is held for you.": "Du bist dran, %(name)s: Dir wird ein Platz gehalten.",
    "It is held for one minute, until %(until)s. Book it before that, or it goes to the next in line.\0"
    "It is held for %(minutes)s minutes, until %(until)s. Book it before that, or it goes to the next in line.":
        "Eine Minute, bis %(until)s.\0%(minutes)s Minuten, bis %(until)s.",
    "You are written to because you want such mails.": "Du willst solche Mails.",
    "format of a moment in mails\4l j F Y, H:i": "l, j. F Y, H:i",
    "Your ticket: %(event)s": "Dein Ticket: %(event)s",
    "Your ticket was cancelled: %(event)s": "Dein Ticket wurde storniert: %(event)s",
    "Changed: %(event)s": "Geändert: %(event)s",
    "A ticket for you: %(event)s": "Ein Ticket für Dich: %(event)s",
    "Your offer was declined: %(event)s": "Abgelehnt: %(event)s",
    "Copy: %(subject)s": "Kopie: %(subject)s",
    "%(taker)s declined the ticket that you offered.": "%(taker)s hat abgelehnt.",
    "Your turn – %(event)s": "Du bist dran – %(event)s",
    "A ticket is held for you until {time}. Book it before then.": "Dein Ticket wird bis {time} gehalten.",
    "Your code to log in": "Dein Code zum Einloggen",
    "The moment you type it is your rank in every line.": "Der Moment der Eingabe zählt.",
    "That was too often within a short time, and nothing was done. Try again {when}.": "Zu oft. Wieder {when}.",
    "in %(count)d minute\0in %(count)d minutes": "in %(count)d Minute\0in %(count)d Minuten",
    "Everybody with a valid ticket": "Alle mit gültigem Ticket",
}  # fmt: skip


def write_catalog(folder: Path, language: str, said: dict[str, str]) -> None:
    """Write a catalog as gettext reads it (the GNU manual, "The Format of GNU MO Files")."""
    pairs = [(key.encode(), text.encode()) for key, text in sorted({"": HEADER, **said}.items())]
    at, tables, text = 28 + 16 * len(pairs), ([], []), b""  # type: tuple[int, tuple[list[int], list[int]], bytes]
    for side, table in enumerate(tables):
        for pair in pairs:
            table += [len(pair[side]), at + len(text)]
            text += pair[side] + b"\0"
    head = (0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    file = folder / language / "LC_MESSAGES" / "django.mo"
    file.parent.mkdir(parents=True)
    file.write_bytes(struct.pack(f"<{7 + 4 * len(pairs)}I", *head, *tables[0], *tables[1]) + text)


USABLE = "correct horse battery"


@contextmanager
def german() -> Iterator[None]:
    """Let the site have a German catalog."""
    with tempfile.TemporaryDirectory() as folder:
        write_catalog(Path(folder), "de", GERMAN)
        with override_settings(LANGUAGES=LANGUAGES, LOCALE_PATHS=[folder]):
            yield


class HasGerman(SimpleTestCase):
    """Mixin: the site has a German catalog."""

    def setUp(self) -> None:
        self.enterContext(german())
        super().setUp()


class LanguageOfMailTests(HasGerman, NoticeCase):
    def setUp(self) -> None:
        super().setUp()
        self.speak(self.alice, "de")

    def speak(self, person: User, language: str) -> None:
        User.objects.filter(pk=person.pk).update(language=language)

    def written(self, to: User) -> Email:
        """Return the last mail to somebody, written while the thread speaks Arabic."""
        with translation.override("ar"):
            mailing.store_confirmations()
            mailing.store_notices()
            self.tell()
        return Email.objects.filter(to=[to.email]).latest("pk")

    def tell(self) -> None:
        places.tell()
        everybody.store()

    def test_it_is_that_of_its_person_and_its_times_are_those_of_the_event(self) -> None:
        self.give_turn()
        self.clock.move(seconds=11)
        mail = self.written(self.alice)
        self.assertEqual(mail.subject, "Du bist dran: Opera Night <3")
        self.assertIn("Du bist dran, alice: Dir wird ein Platz gehalten.", mail.message)
        self.assertIn("10 Minuten, bis Samstag, 1. Juni 2030, 12:10 (Europe/Berlin).", mail.message)
        self.assertIn("Du bist dran, <bdi>alice</bdi>:", mail.html_message)
        self.assertIn("bis <strong>Samstag, 1. Juni 2030, 12:10 (Europe/Berlin)</strong>.", mail.html_message)
        self.assertIn('<html lang="de">', mail.html_message)
        self.assertIn("Du willst solche Mails.", mail.message)
        self.assertNotIn("You do not want it any more?", mail.message)

    def test_who_chose_none_or_one_that_the_site_has_no_more_gets_the_sites(self) -> None:
        for language in ("", "fr"):
            self.speak(self.alice, language)
            mail = self.written_turn()
            self.assertEqual((mail.subject, '<html lang="en">' in mail.html_message), ("Your turn: Concert", True))

    def written_turn(self) -> Email:
        event = make_event(capacity=1)
        join(event, self.bob)
        join(event, self.alice)
        release(event, self.bob)
        self.clock.move(seconds=11)
        return self.written(self.alice)

    def test_from_right_to_left_the_page_says_so(self) -> None:
        self.speak(self.alice, "ar")
        self.assertIn('<html lang="ar" dir="rtl">', self.written_turn().html_message)

    def test_every_kind_is_each_with_the_language_of_its_own_person(self) -> None:
        event = make_event(capacity=3)
        ticket = book(event, self.alice)
        self.assertEqual(self.written(self.alice).subject, "Dein Ticket: Concert")
        made = offer(book(event, self.bob), self.alice)
        self.assertEqual(self.written(self.alice).subject, "Ein Ticket für Dich: Concert")
        transfer.decline(transfer_id=made.pk)
        self.assertEqual(self.written(self.bob).subject, "Your offer was declined: Concert")
        declined = offer(ticket, self.greta)
        transfer.decline(transfer_id=declined.pk)
        mail = self.written(self.alice)
        self.assertIn("greta@example.org hat abgelehnt.", mail.message)
        self.assertIn("<bdi>greta@example.org</bdi> hat abgelehnt.", mail.html_message)
        revise(event, venue="Hangar")
        self.clock.move(minutes=2)
        self.assertEqual(self.written(self.alice).subject, "Geändert: Concert")
        self.assertEqual(self.written(self.bob).subject, "Changed: Concert")
        allocation.cancel_ticket(ticket_id=ticket.pk, cause=Cause.CANCELLED_BY_STAFF)
        self.assertEqual(self.written(self.alice).subject, "Dein Ticket wurde storniert: Concert")

    def test_a_copy_and_the_preview_are_in_that_of_whoever_writes(self) -> None:
        message = messages.write(event=self.event, by=self.alice, **TYPED)
        messages.send_copy(message, User.objects.get(pk=self.alice.pk))
        self.assertEqual(Email.objects.latest("pk").subject, "Kopie: Doors open at 7")

    def test_so_is_what_is_attached(self) -> None:
        spoken: list[str] = []

        def attached(*args: Any) -> None:
            spoken.append(translation.get_language())

        book(self.event, self.bob)
        self.speak(self.bob, "de")
        mailing.store_confirmations()
        with patch.object(mailing, "_attach", attached):
            mailing.deliver()
        self.assertEqual(spoken, ["de"])


class SubjectTests(SimpleTestCase):
    def test_every_mail_of_allauth_has_a_subject_of_ours(self) -> None:
        theirs = Path(allauth.__file__).parent / "templates"
        names = {str(file.relative_to(theirs)) for file in theirs.glob("*/email/*_subject.txt")}
        ours = {str(file.relative_to(TEMPLATES)) for file in TEMPLATES.glob("*/email/*_subject.txt")}
        self.assertEqual(names - ours, {"account/email/email_confirmation_signup_subject.txt"})  # it includes one


class AccountMailTests(HasGerman, Cast, TestCase):
    @override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
    def test_mails_about_an_account_are_in_the_language_of_its_person_as_well(self) -> None:
        User.objects.filter(pk=self.alice.pk).update(language="de")
        User.objects.filter(pk__in=[self.alice.pk, self.bob.pk]).update(password=make_password(USABLE))
        for person in (self.alice, self.bob):
            visit(headers=BROWSER).post("/accounts/password/reset/", {"email": person.email})
        subjects = {mail.to[0]: mail.subject for mail in outgoing.outbox}
        with translation.override("de"):
            german = translation.gettext("Set a new password")
        self.assertEqual(subjects, {self.alice.email: german, self.bob.email: "Set a new password"})
        self.assertNotEqual(german, "Set a new password")

    @override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
    def test_a_code_to_log_in_comes_with_words_of_theirs_and_is_the_code_all_the_same(self) -> None:
        User.objects.filter(pk=self.alice.pk).update(language="de")
        visit(headers=BROWSER).post("/accounts/login/code/", {"email": self.alice.email})
        [mail] = outgoing.outbox
        self.assertEqual(mail.subject, "Dein Code zum Einloggen")
        with translation.override("de"):
            hello: str = translation.gettext("Hello from %(site_name)s!") % {"site_name": "Box Office"}
        self.assertNotEqual(hello, "Hello from Box Office!")
        self.assertRegex(str(mail.body), rf"^{re.escape(hello)}\n\n.*\n\n[\w-]+\n\nDer Moment der Eingabe zählt\.\n\n")


class SaidInTheLanguageOfWhoeverAsksTests(HasGerman, Cast, TestCase):
    def test_when_something_may_be_tried_again(self) -> None:
        request = RequestFactory().get("/", headers=JSON)
        details = []
        for language, seconds in (("de", 60), ("de", 170), ("en", 170)):
            with translation.override(language):
                answer = too_often.answer(request, too_often.REQUESTS, seconds)
            details.append(json.loads(answer.content)["detail"])
        english = "That was too often within a short time, and nothing was done. Try again in 3 minutes."
        self.assertEqual(details, ["Zu oft. Wieder in 1 Minute.", "Zu oft. Wieder in 3 Minuten.", english])

    def test_what_the_trail_keeps_is_in_one_language_for_all_who_read_it(self) -> None:
        event = make_event()
        book(event, self.alice)
        message = messages.write(event=event, by=self.olga, **TYPED)
        about = ContentType.objects.get_for_model(event)
        changed = {"content_type": about, "object_id": event.pk, "user": self.olga, "action_flag": CHANGE}
        with translation.override("de"):
            messages.send(message)
            LogEntry.objects.create(change_message='[{"changed": {"fields": ["Capacity"]}}]', **changed)
        details = list(AuditEntry.objects.order_by("pk").values_list("detail", flat=True))
        self.assertEqual(details, [f"“{message.subject}”, to everybody with a valid ticket: 1", "Changed Capacity."])


@override_settings(LANGUAGES=LANGUAGES)
class ChoiceOfLanguageTests(Cast, TestCase):
    PAGE, CHOOSE = "/account/notices/", "/account/notices/choose/"

    def language(self) -> str:
        return User.objects.get(pk=self.alice.pk).language

    def test_it_is_chosen_beside_the_kinds_of_mail_and_stays(self) -> None:
        browser = visit(self.alice, headers=BROWSER)
        self.assertContains(browser.get(self.PAGE), '<option value="en" selected>English</option>', html=True)
        answer = browser.post(self.CHOOSE, {"wanted": ["turn"], "language": "de"})
        self.assertEqual(redirect_of(answer), (302, self.PAGE, ["Saved."]))
        self.assertContains(browser.get(self.PAGE), '<option value="de" selected>Deutsch</option>', html=True)
        browser.post(self.CHOOSE, {"wanted": ["turn"]})  # as programs do that know of no language
        self.assertEqual(self.language(), "de")

    def test_one_that_the_site_has_not_is_refused_in_words_and_what_was_chosen_is_kept(self) -> None:
        for typed in ("fr", "de-x", "x" * 300):
            program = visit(self.alice, headers=JSON).post(self.CHOOSE, {"wanted": [], "language": typed})
            told = "Mails cannot be had in this language. Choose one of the list."
            self.assertEqual(answer_of(program), (400, {"status": "invalid", "field": "language", "detail": told}))
        page = visit(self.alice, headers=BROWSER).post(self.CHOOSE, {"wanted": ["turn"], "language": "fr"})
        self.assertContains(page, told, status_code=400)
        self.assertEqual((self.language(), self.alice.muted_notices.count()), ("", 0))

    def test_it_is_among_what_is_stored_and_ends_with_the_account(self) -> None:
        User.objects.filter(pk=self.alice.pk).update(language="de")
        person = User.objects.get(pk=self.alice.pk)
        self.assertEqual(personal_data.collect(person)["account"]["language"], "de")
        accounts.erase_account(person)
        self.assertEqual(self.language(), "")


class MarkedTests(SimpleTestCase):
    ACCOUNT = ("account", "mfa", "socialaccount", "allauth")

    def texts(self, *folders: str) -> dict[str, str]:
        """Return every template of these folders, by its name below all templates."""
        files = [file for folder in folders for file in (TEMPLATES / folder).rglob("*.*")]
        return {str(file.relative_to(TEMPLATES)): file.read_text() for file in files}

    def test_every_sentence_of_a_mail_or_about_an_account_can_be_translated(self) -> None:
        marked = re.compile(
            r"{% comment %}.*?{% endcomment %}|{% blocktranslate.*?{% endblocktranslate %}|<style>.*?</style>"
            r"|<script.*?</script>|{#.*?#}|{%.*?%}|{{.*?}}|<[^>]*>",
            re.DOTALL,
        )
        texts = self.texts("core/mail", *self.ACCOUNT)
        unmarked = {name: marked.sub("", text).strip() for name, text in texts.items()}
        said = {name: text for name, text in unmarked.items() if re.search(r"[^\W\d_]{2}", text)}
        self.assertEqual(said, {"socialaccount/login_redirect.html": "– Box Office"})  # a name
        self.assertGreater(len(texts), 80)

    def test_so_can_what_is_said_in_an_attribute(self) -> None:
        said = re.compile(r"""\b(?:aria-label|title|placeholder|alt)=["']([^"'{]*[^\W\d_][^"'{]*)["']""")
        texts = self.texts(*self.ACCOUNT)
        self.assertEqual({name: said.findall(text) for name, text in texts.items() if said.search(text)}, {})
        self.assertEqual(said.findall('<img alt="A map"> <a title="{{ x }}">'), ["A map"])

    def test_a_language_is_offered_when_there_is_a_catalog_of_it(self) -> None:
        catalogs = Path(settings.BASE_DIR).glob("core/locale/*/LC_MESSAGES/django.mo")
        expected = {"en", *(translation.to_language(file.parts[-3]) for file in catalogs)}
        self.assertEqual({code for code, _ in settings.LANGUAGES}, expected)
