import asyncio
from typing import Any

from django.test import SimpleTestCase

from core.live import encode
from core.mailbox import Letter, Mailbox

HELD = {"type": "hold", "event": 1, "status": "held", "expires_at": "2030-01-01T00:00:00+00:00", "position": None}
TICKET = {"type": "ticket", "event": 1, "code": "A", "status": "valid"}


def stats(version: int, **differs: Any) -> dict[str, Any]:
    return {"type": "stats", "event": 1, "version": version, "waiting": 0, "now": "2030-01-01T00:00:00+00:00"} | differs


class MailboxTests(SimpleTestCase):
    def setUp(self):
        self.mailbox = Mailbox()

    def put(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            self.mailbox.put(Letter.of(message))

    def taken(self) -> list[str]:
        """Return what would be sent now."""

        async def take() -> list[str]:
            try:
                return await asyncio.wait_for(self.mailbox.take(), 0.01)
            except TimeoutError:
                return []

        return asyncio.run(take())

    def test_a_newer_value_takes_the_place_of_an_older_one(self):
        self.put(stats(1), stats(2), stats(1, event=2), stats(3))
        self.assertEqual(self.taken(), [encode(stats(3)), encode(stats(1, event=2))])
        self.assertEqual(self.taken(), [])

    def test_an_older_version_is_never_sent_after_a_newer(self):
        self.put(stats(5))
        self.put(stats(4))
        self.assertEqual(self.taken(), [encode(stats(5))])
        self.put(stats(4, waiting=7))
        self.assertEqual(self.taken(), [])

    def test_the_same_version_with_another_line_is_sent(self):
        self.put(stats(5))
        self.taken()
        self.put(stats(5, waiting=7))
        self.assertEqual(self.taken(), [encode(stats(5, waiting=7))])

    def test_what_the_page_shows_already_is_not_sent_again(self):
        for message in (stats(1), HELD, TICKET):
            self.put(message)
        self.taken()
        self.put(stats(1, now="2030-01-01T00:00:10+00:00"), HELD | {"position": 1}, TICKET)
        self.assertEqual(self.taken(), [])

    def test_what_the_snapshot_said_is_not_sent_again(self):
        self.mailbox.note_snapshot(Letter.of(message) for message in (stats(1), HELD, TICKET))
        self.put(stats(1), HELD, TICKET)
        self.assertEqual(self.taken(), [])
        self.put(stats(2), HELD | {"status": "booked"}, TICKET | {"status": "admitted"})
        self.assertEqual(len(self.taken()), 3)

    def test_what_came_before_a_newer_snapshot_is_dropped(self):
        self.put(stats(4))
        self.mailbox.note_snapshot([Letter.of(stats(5))])
        self.assertEqual(self.taken(), [])

    def test_what_came_before_and_the_snapshot_says_as_well_is_dropped(self):
        self.put(stats(5), HELD)
        self.mailbox.note_snapshot([Letter.of(stats(5)), Letter.of(HELD)])
        self.assertEqual(self.taken(), [])

    def test_what_came_after_an_older_snapshot_is_kept(self):
        self.put(stats(6))
        self.mailbox.note_snapshot([Letter.of(stats(5))])
        self.assertEqual(self.taken(), [encode(stats(6))])

    def test_the_end_of_what_a_page_never_showed_is_not_sent(self):
        self.mailbox.note_snapshot([])
        ends = [HELD | {"status": status} for status in ("booked", "released", "expired", "left")]
        self.put(*ends, TICKET | {"status": "cancelled"})
        self.assertEqual(self.taken(), [])
        self.put(HELD)
        self.put(ends[0])
        self.assertEqual(self.taken(), [encode(ends[0])])

    def test_the_end_of_what_the_snapshot_will_show_is_kept_until_then(self):
        released = HELD | {"status": "released"}
        self.put(released)  # while the snapshot, which was read before, is on its way
        self.mailbox.note_snapshot([Letter.of(HELD)])
        self.assertEqual(self.taken(), [encode(released)])

    def test_two_tickets_of_one_event_are_two_subjects(self):
        self.put(TICKET, TICKET | {"code": "B"})
        self.assertEqual(len(self.taken()), 2)

    def test_hanging_up_wakes_the_socket(self):
        self.mailbox.hang_up()
        self.assertEqual((self.mailbox.closed, self.taken()), (True, []))
