"""What logs may say: nothing that opens a door."""

import logging
import re

from daphne.access import AccessLogGenerator

_CODE = re.compile(r"[A-Z2-7]{60,90}")


class MaskTicketCodes(logging.Filter):
    """Replace ticket codes: whoever reads a log must not be able to enter with it (rule 23)."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the message; let every record through."""
        message = record.getMessage()
        if _CODE.search(message):
            record.msg, record.args = _CODE.sub("[code]", message), ()
        return True


def mask_access_log() -> None:
    """Make Daphne's own access log, which is written past `logging`, mask ticket codes too."""
    write_entry = AccessLogGenerator.write_entry

    def masked(self: AccessLogGenerator, host: str, date: object, request: str, **rest: object) -> None:
        write_entry(self, host, date, _CODE.sub("[code]", request), **rest)

    AccessLogGenerator.write_entry = masked
