"""Which mails people want: chosen on a page, and done without by one press in a mail (RFC 8058)."""

import re

from django.conf import settings
from django.core import signing
from django.test import Client, TestCase, override_settings

from core import accounts, logs
from core.models import MutedNotice, Notice, User
from core.telling import places, wishes

from .cast import Cast
from .test_notices import NoticeCase
from .visits import BROWSER, JSON, redirect_of, visit

PAGE, CHOOSE = "/account/notices/", "/account/notices/choose/"


def muted(person: User) -> list[str]:
    return sorted(person.muted_notices.values_list("notice", flat=True))


class ChoiceTests(Cast, TestCase):
    def test_everything_is_wanted_at_first_and_what_is_chosen_stays(self) -> None:
        browser = visit(self.alice, headers=BROWSER)
        self.assertContains(browser.get(PAGE), "checked", 4)
        answer = browser.post(CHOOSE, {"wanted": ["turn", "message"]})
        self.assertEqual(redirect_of(answer), (302, PAGE, ["Saved."]))
        self.assertEqual((muted(self.alice), muted(self.bob)), (["lapse", "reminder"], []))
        self.assertContains(browser.get(PAGE), "checked", 2)
        browser.post(CHOOSE, {"wanted": Notice.values})
        self.assertEqual(muted(self.alice), [])

    def test_nothing_is_wanted_by_who_chooses_nothing(self) -> None:
        for _ in range(2):
            visit(self.alice).post(CHOOSE)
        self.assertEqual(muted(self.alice), sorted(Notice.values))

    def test_what_is_no_kind_of_mail_is_refused_in_words(self) -> None:
        for headers in (JSON, BROWSER):
            answer = visit(self.alice, headers=headers).post(CHOOSE, {"wanted": ["confirmation"]})
            self.assertEqual(answer.status_code, 400)
            self.assertIn("There is no such kind of mail.", answer.content.decode())
        self.assertEqual(muted(self.alice), [])

    def test_a_choice_does_not_outlive_the_account(self) -> None:
        wishes.mute(self.alice, Notice.TURN)
        accounts.erase_account(self.alice)
        self.assertFalse(MutedNotice.objects.exists())


class UnsubscribeTests(Cast, TestCase):
    def link(self, notice: Notice = Notice.REMINDER) -> str:
        return wishes.unsubscribe_url(self.alice, notice).removeprefix("http://127.0.0.1:8000")

    def test_a_mail_program_presses_without_login_cookie_or_token(self) -> None:
        program = Client(enforce_csrf_checks=True)
        for _ in range(2):
            answer = program.post(self.link(), {"List-Unsubscribe": "One-Click"})
            self.assertEqual(answer.status_code, 200)
        self.assertEqual((muted(self.alice), answer.cookies.output()), (["reminder"], ""))

    def test_looking_at_the_link_changes_nothing_and_offers_a_button(self) -> None:
        page = Client().get(self.link())
        self.assertContains(page, "Do not send them any more")
        self.assertContains(page, "a…@example.org")
        self.assertNotContains(page, "alice@example.org")
        self.assertEqual(muted(self.alice), [])

    def test_the_button_does_it_and_says_so(self) -> None:
        self.assertContains(Client(headers=BROWSER).post(self.link()), "gets no more mails of this kind")
        self.assertEqual(muted(self.alice), ["reminder"])

    def test_a_link_that_is_not_ours_is_absent(self) -> None:
        others = (
            signing.dumps([self.alice.pk, "turn"], salt="another"),
            signing.dumps([self.alice.pk, "everything"], salt=wishes.SALT),
            signing.dumps([0, "turn"], salt=wishes.SALT),
            signing.dumps("turn", salt=wishes.SALT),
            self.link().removesuffix("/").rpartition("/")[2][:-1],
        )
        for token in others:
            for ask in (Client().get, Client().post):
                self.assertEqual(ask(f"/unsubscribe/{token}/").status_code, 404, token)
        self.assertFalse(MutedNotice.objects.exists())

    def test_it_holds_with_a_new_key_as_long_as_the_old_one_is_a_fallback(self) -> None:
        link = self.link()
        for fallbacks, expected in (([settings.SECRET_KEY], 200), ([], 404)):
            with override_settings(SECRET_KEY="n" * 60, SECRET_KEY_FALLBACKS=fallbacks):
                self.assertEqual(Client().post(link).status_code, expected)

    def test_it_is_masked_in_logs(self) -> None:
        line = logs._SECRET.sub("[secret]", f"GET {self.link()} 200")
        self.assertEqual(line, "GET /unsubscribe/[secret]/ 200")


class HeaderTests(NoticeCase):
    def test_each_mail_that_is_not_essential_has_the_button_of_mail_programs(self) -> None:
        self.give_turn()
        self.clock.move(seconds=11)
        with override_settings(SITE_URL="https://tickets.example/"):
            places.tell()
        self.post()
        [sent] = self.inbox.sent
        self.assertIn("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", sent)
        # In a line of its own, and as it is: mail programs do not look for it in pieces, or encoded.
        address = re.search(r"\r\nList-Unsubscribe: \s*<https://tickets\.example(/unsubscribe/[\w:-]+/)>\r\n", sent)
        assert address
        for kind in ("plain", "html"):
            self.assertIn(f"https://tickets.example{address[1]}", self.said(kind))
        Client().post(address[1], {"List-Unsubscribe": "One-Click"})
        self.assertEqual(muted(self.alice), ["turn"])
