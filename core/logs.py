"""What logs may say: nothing that opens a door."""

import logging
import re

from daphne.access import AccessLogGenerator

_SECRET = re.compile(r"[A-Z2-7]{60,90}|(?<=/transfers/)[\w-]{20,}")  # codes of tickets, and links of offers


class MaskTicketCodes(logging.Filter):
    """Replace ticket codes and links of offers: whoever reads a log must not be able to enter with it (rule 23)."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the message; let every record through."""
        message = record.getMessage()
        if _SECRET.search(message):
            record.msg, record.args = _SECRET.sub("[secret]", message), ()
        return True


def mask_access_log() -> None:
    """Make Daphne's own access log, which is written past `logging`, do the same."""
    write_entry = AccessLogGenerator.write_entry

    def masked(self: AccessLogGenerator, host: str, date: object, request: str, **rest: object) -> None:
        write_entry(self, host, date, _SECRET.sub("[secret]", request), **rest)

    AccessLogGenerator.write_entry = masked
