"""Pages that are shared for a second are made correct by their socket, on every page of the list."""

from playwright.sync_api import Route, expect

from core import allocation
from core.models import Event
from core.paging import SIZE

from .browser import PATIENCE, BrowserTestCase
from .cast import later, make_event, open_sale


class SharedPageTests(BrowserTestCase):
    def test_a_page_that_was_made_before_a_sale_opened_is_not_the_last_word(self) -> None:
        """The server may give one that it shares to whoever asks anew because of the opening."""
        event = make_event(sales_open_at=later(days=1), auto_hold=False)
        page = self.window()
        page.goto("/")
        expect(page.get_by_text("Not yet on sale")).to_be_visible()
        stale = [page.request.get("/").text()]

        def answer(route: Route) -> None:
            if "x-refresh" in route.request.headers and stale:
                route.fulfill(body=stale.pop(), content_type="text/html")
            else:
                route.continue_()

        page.route(f"{self.address}/", answer)
        open_sale(event)
        expect(page.locator(".badge--available")).to_be_visible(timeout=4 * PATIENCE)  # the next resync tells it
        expect(page.get_by_role("link", name="Log in to book")).to_be_visible()
        self.assertEqual(stale, [])

    def test_what_is_offered_to_whoever_is_not_logged_in_changes_with_the_numbers(self) -> None:
        event = make_event(capacity=1)
        page = self.window()
        page.goto(f"/events/{event.pk}/")
        expect(page.get_by_role("link", name="Log in to be held a ticket")).to_be_visible()
        allocation.join(event_id=event.pk, user=self.bob)
        expect(page.get_by_role("link", name="Log in to join the line")).to_be_visible()
        expect(page.get_by_role("link", name="Log in to be held a ticket")).to_have_count(0)
        expect(page.locator(".badge--line")).to_be_hidden()
        allocation.join(event_id=event.pk, user=self.alice)
        for badge in (".badge--line", ".badge--all_held"):
            expect(page.locator(badge)).to_be_visible()
        allocation.book(event_id=event.pk, user=self.bob)
        expect(page.locator(".badge--sold_out")).to_be_visible()
        expect(page.locator(".badge--all_held")).to_be_hidden()

    def test_numbers_go_on_and_links_lead_to_the_other_pages(self) -> None:
        Event.objects.bulk_create(
            Event(
                name=f"Event {n}.", venue="Hall", capacity=5, starts_at=later(days=n + 1), created_by=self.olga,
                auto_hold=False,
            )
            for n in range(SIZE + 1)
        )  # fmt: skip
        last = Event.objects.get(name=f"Event {SIZE}.")
        page = self.window()
        page.goto("/?page=1")  # not what the test before was answered, which is shared for a second
        page.get_by_role("navigation", name="Pages").get_by_role("link", name="Next page").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/?page=2")
        expect(page.get_by_role("heading", name=last.name)).to_be_visible()
        expect(page.get_by_role("heading", name="Event 0.")).to_have_count(0)
        allocation.book(event_id=last.pk, user=self.bob)
        expect(page.locator(f'[data-event="{last.pk}"] [data-number="booked"]')).to_have_text("1")
        page.get_by_role("link", name="Previous page").click()
        expect(page.get_by_role("heading", name="Event 0.")).to_be_visible()
