"""Filters that staff save under a name above a list of the admin: to everybody their own."""

from typing import Any

from django.test import Client, TestCase

from core import accounts
from core.admin import saved_filters
from core.models import SavedFilter

from .cast import Cast, make_event
from .desk import at_desk, employ, make_administrator, messages_of, rows_of
from .visits import target_of, visit

LIST = "/admin/core/event/"


class FilterCase(Cast, TestCase):
    def setUp(self) -> None:
        self.root = make_administrator()
        self.browser = at_desk(self.root)
        make_event(name="Shown", status="draft")
        make_event(name="Hidden")

    def save(self, name: str, query: str, browser: Client | None = None) -> tuple[str, list[str]]:
        """Save a filter; return where it leads, and what the next page will say."""
        response = (browser or self.browser).post(f"{LIST}filters/save/", {"name": name, "query": query})
        return target_of(response), messages_of(response)[-1:]

    def stored(self) -> list[Any]:
        return list(SavedFilter.objects.order_by("pk").values_list("user__username", "model", "name", "query"))


class SaveTests(FilterCase):
    def test_what_a_list_shows_is_saved_and_shown_again_by_its_link(self) -> None:
        filtered = f"{LIST}?status__exact=draft&o=1&p=0"
        self.assertContains(self.browser.get(filtered), 'name="query" value="status__exact=draft&amp;o=1"')
        said = self.save("  Drafts\n of mine ", "status__exact=draft&o=1&p=3")
        self.assertEqual(said, (f"{LIST}?status__exact=draft&o=1", ["Saved: Drafts of mine."]))
        page = self.browser.get(LIST)
        self.assertContains(page, f'<a href="{LIST}?status__exact=draft&amp;o=1"')
        self.assertContains(page, "Drafts of mine</a>")
        self.assertEqual([row[0] for row in rows_of(self.browser.get(said[0]))], ["Shown"])
        self.assertContains(self.browser.get(said[0]), 'aria-current="page"')

    def test_the_same_name_again_is_the_new_filter(self) -> None:
        self.save("Mine", "status__exact=draft")
        self.save("Mine", "q=opera")
        self.assertEqual(self.stored(), [("root", "core.event", "Mine", "q=opera")])

    def test_a_list_that_is_not_filtered_or_a_name_that_is_none_saves_nothing(self) -> None:
        for name, query, said in (
            ("Mine", "", "The list shows everything: filter it first."),
            ("Mine", "p=3&all=", "The list shows everything: filter it first."),
            (" ", "q=a", "Type a name."),
            ("x" * 61, "q=a", "A name has at most 60 characters."),
            ("Mine", "q=" + "x" * 1000, "This filter is too long to be saved."),
            ("Mine", "q=" + "%20" * 300 + "é" * 200, "This filter is too long to be saved."),
            ("Mine", "&".join(f"a{n}=" for n in range(2000)), "This filter is too long to be saved."),
        ):
            with self.subTest(query=query[:20], name=name[:20]):
                self.assertEqual(self.save(name, query)[1], [said])
        self.assertEqual(self.stored(), [])
        self.assertNotContains(self.browser.get(LIST), "Your filters")

    def test_whatever_was_typed_is_text_and_leads_into_the_list(self) -> None:
        evil = "</a><script>alert(1)</script>"
        target, _ = self.save(evil, f"q={evil}&//evil.example/=javascript:alert(1)")
        self.assertTrue(target.startswith(f"{LIST}?q="))
        page = self.browser.get(LIST).content.decode()
        self.assertIn("&lt;script&gt;", page)
        self.assertNotIn("<script>alert", page)
        self.assertNotIn('href="//evil', page)
        self.save("Nonsense", "no_such_field__exact=1&created_by__password__startswith=a")
        self.assertEqual(target_of(self.browser.get(f"{LIST}?no_such_field__exact=1")), f"{LIST}?e=1")

    def test_so_many_for_a_list_and_no_more(self) -> None:
        for n in range(saved_filters.MOST):
            self.save(f"Filter {n}", f"q={n}")
        _, said = self.save("One more", "q=a")
        self.assertEqual(said, ["20 filters are saved for this list: delete one first."])
        self.assertEqual(self.save("Filter 3", "q=new")[1], ["Saved: Filter 3."])
        self.assertEqual(SavedFilter.objects.count(), saved_filters.MOST)

    def test_a_window_that_chooses_a_row_has_none(self) -> None:
        self.save("Mine", "q=opera")
        self.assertNotContains(self.browser.get(f"{LIST}?_popup=1&q=opera"), "Your filters")


class WhoseTests(FilterCase):
    def setUp(self) -> None:
        super().setUp()
        employ(self.olga, "view_event", "view_ticket")
        self.olgas = at_desk(self.olga)
        self.save("Of root", "q=opera")

    def test_nobody_sees_or_deletes_those_of_another(self) -> None:
        self.assertNotContains(self.olgas.get(LIST), "Of root")
        found = SavedFilter.objects.get()
        response = self.olgas.post(f"{LIST}filters/{found.pk}/delete/")
        self.assertEqual((response.status_code, len(self.stored())), (404, 1))

    def test_ones_own_are_deleted_where_they_are_shown(self) -> None:
        found = SavedFilter.objects.get()
        self.assertEqual(self.browser.post(f"/admin/core/ticket/filters/{found.pk}/delete/").status_code, 404)
        response = self.browser.post(f"{LIST}filters/{found.pk}/delete/", {"query": "status__exact=draft&p=1"})
        self.assertEqual(target_of(response), f"{LIST}?status__exact=draft")
        self.assertEqual((messages_of(response)[-1:], self.stored()), (["The filter is deleted: Of root."], []))

    def test_whoever_may_not_see_a_list_saves_nothing_of_it(self) -> None:
        form = {"name": "Mine", "query": "q=a"}
        self.assertEqual(self.olgas.post("/admin/core/user/filters/save/", form).status_code, 403)
        self.assertEqual(self.olgas.post("/admin/core/ticket/filters/save/", form).status_code, 302)
        self.assertEqual(self.stored()[1:], [("olga", "core.ticket", "Mine", "q=a")])
        for person in (None, self.alice):
            self.assertIn("/admin/login/", target_of(visit(person).post(f"{LIST}filters/save/", form)))

    def test_only_a_form_of_ours_writes(self) -> None:
        found = SavedFilter.objects.get()
        for address in (f"{LIST}filters/save/", f"{LIST}filters/{found.pk}/delete/"):
            self.assertEqual(self.browser.get(address).status_code, 405)
            self.assertEqual(visit(self.root, enforce_csrf_checks=True).post(address).status_code, 403)
        self.assertEqual(len(self.stored()), 1)

    def test_an_erased_account_has_none(self) -> None:
        make_administrator("second")
        accounts.erase_account(self.root)
        self.assertEqual(self.stored(), [])

    def test_an_erased_person_is_not_looked_for_any_more_by_their_address(self) -> None:
        kept = [
            ("Of root", "q=opera"),
            ("Alices", "q=alice"),
            ("Another", "q=malice@example.org"),
            ("Hers", "q=alice@example.organic"),
        ]
        gone = [("Found", "q=Alice%40example.org&o=1"), ("alice@example.org", "status__exact=draft")]
        for name, query in (*kept[1:], *gone):
            self.save(name, query)
        accounts.erase_account(self.alice)
        self.assertEqual([(name, query.replace("%40", "@")) for _, _, name, query in self.stored()], kept)
