"""A mail server that takes the call and never says a word."""

from post_office.models import STATUS

from bench.faults.silence import silent_port
from core import mailing

from .cast import book
from .test_mailing import MailCase


class SilentServerTests(MailCase):
    def test_it_is_given_up_after_the_time_out_and_called_again_and_the_others_are_not_held_up(self) -> None:
        for person in (self.alice, self.bob):
            book(self.event, person)
        mailing.store_confirmations()
        with silent_port() as silent, self.settings(EMAIL_PORT=silent.port, EMAIL_TIMEOUT=0.1):
            with self.assertLogs("core.mailing", "WARNING") as told:
                while mailing.deliver():
                    pass
            self.assertEqual((silent.calls(), self.statuses()), (2, [STATUS.requeued] * 2))
        self.assertNotIn("example.org", "".join(told.output))
        self.due_again()
        while mailing.deliver():
            pass
        self.assertEqual((len(self.inbox.messages), self.statuses()), (2, [STATUS.sent] * 2))
