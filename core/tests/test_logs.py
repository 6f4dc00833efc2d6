"""Logs say nothing that opens a door: neither codes of tickets nor links of offers."""

import io
import logging

from daphne.access import AccessLogGenerator
from django.test import TestCase

from core import ticket_code
from core.logs import MaskTicketCodes, mask_access_log
from core.models.transfers import new_token
from core.now import now


class MaskTests(TestCase):
    def setUp(self) -> None:
        self.secrets = {"code": ticket_code.make(7), "token": new_token()}
        self.paths = [f"/ticket/{self.secrets['code']}/", f"/transfers/{self.secrets['token']}/accept/"]

    def test_a_record_of_the_log_is_masked_and_the_rest_of_it_stays(self) -> None:
        for path in self.paths:
            record = logging.LogRecord("x", logging.INFO, "x", 1, "GET %s %d", (path, 200), None)
            self.assertTrue(MaskTicketCodes().filter(record))
            said = record.getMessage()
            self.assertEqual([secret for secret in self.secrets.values() if secret in said], [])
            self.assertTrue(said.startswith("GET /") and said.endswith("200"), said)

    def test_the_servers_own_access_log_is_masked(self) -> None:
        before = AccessLogGenerator.write_entry
        self.addCleanup(setattr, AccessLogGenerator, "write_entry", before)
        mask_access_log()
        stream = io.StringIO()
        for path in self.paths:
            entry = {"host": "h", "date": now(), "request": f"GET {path}", "status": 200, "length": 1}
            AccessLogGenerator(stream).write_entry(**entry)
        self.assertEqual([secret for secret in self.secrets.values() if secret in stream.getvalue()], [])
        self.assertEqual(stream.getvalue().count("[secret]"), 2)
