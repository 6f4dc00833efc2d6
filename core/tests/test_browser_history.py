"""Addresses in tables are whole where there is room, and no table is wider than its page or its panel."""

from django.test import tag

from core.models import AuditEntry, User

from .browser import BrowserTestCase
from .cast import book, make_event

IPV6 = "2001:0db8:85a3:0d14:1319:8a2e:0370:7344"
LONG = f"{'a.very.long.name.' * 3}of.somebody@mail.of.a.long.domain.example.org"
BROKEN = """() => [...document.querySelectorAll(".table .address")].filter((address) =>
  address.getBoundingClientRect().height > 1.5 * parseFloat(getComputedStyle(address).lineHeight)
).map((address) => address.textContent)"""
# By how much a table is longer than the panel around it, and the buttons whose letters stand below each other.
OUTSIDE = """() => [...document.querySelectorAll(".panel .table")].map((table) => {
  const [inner, outer] = [table, table.closest(".panel")].map((element) => element.getBoundingClientRect());
  return Math.max(0, Math.ceil(inner.right - outer.right));
}).filter(Boolean)"""
STACKED = """() => [...document.querySelectorAll(".table .button")]
  .map((button) => button.getBoundingClientRect()).filter(({ width, height }) => height > width).length"""
EXCESS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@tag("face")
class AddressTests(BrowserTestCase):
    def test_they_break_only_where_they_are_longer_than_the_page_has_room_for(self) -> None:
        event = make_event(auto_hold=False)
        book(event, self.alice)
        User.objects.filter(pk=self.bob.pk).update(email=LONG, username=LONG)
        book(event, self.bob)
        AuditEntry.objects.create(action="attendees_seen", actor=self.olga, event=event, address=IPV6)
        AuditEntry.objects.create(action="ticket_accepted", actor=self.bob, person=self.olga, event=event, address=IPV6)
        page = self.window()
        self.log_in(page, self.olga)
        of_event = (f"/events/{event.pk}/history/", f"/events/{event.pk}/attendees/", f"/organize/{event.pk}/exports/")
        # At a desk: a name; a name and its address; none; a name, and what is beside it in a narrower panel.
        for path, broken in zip((*of_event, "/account/activity/"), ([LONG], [LONG] * 2, [], [LONG, IPV6]), strict=True):
            for width in (320, 375, 704, 768, 1024, 1280):
                with self.subTest(path=path, width=width):
                    page.set_viewport_size({"width": width, "height": 900})
                    page.goto(path)
                    self.assertEqual(page.evaluate(EXCESS), 0)
                    self.assertEqual((page.evaluate(OUTSIDE), page.evaluate(STACKED)), ([], 0))
                    if width == 1280:
                        self.assertEqual(page.evaluate(BROKEN), broken)
            self.picture(page, path.strip("/").replace("/", "-"))
