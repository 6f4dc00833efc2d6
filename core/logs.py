"""What logs may say: nothing that opens a door."""

import logging
import re
from typing import Any

from daphne.access import AccessLogGenerator
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http.multipartparser import MultiPartParserError
from pythonjsonlogger.json import JsonFormatter
from redis.exceptions import RedisError

_SECRET = re.compile(
    r"[A-Z2-7]{60,90}|(?<=/transfers/)[\w-]{20,}|(?<=/reset/key/)[\w-]+|(?<=/confirm-email/)[\w:-]+"
    r"|(?<=/unsubscribe/)[\w:.-]+"
)
# Codes of tickets; links of offers, to new passwords, by which addresses are confirmed, and mails are done without.
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_KEPT = ("time", "level", "logger", "message", "request_id", "exc_info", "stack_info")


def masked(text: str) -> str:
    """Return a text without codes, links that open something, and addresses of e-mail."""
    return _ADDRESS.sub("[address]", _SECRET.sub("[secret]", text))


class MaskedLine(logging.Formatter):
    """One line for each record, and its trace below it; masked, as the database's own words name people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return masked(super().format(record))


class MaskedJson(JsonFormatter):
    """A JSON object for each record, in one line: what is named here, and nothing else that a library adds."""

    def __init__(self, **kwargs: Any) -> None:
        names = {"levelname": "level", "name": "logger"}
        super().__init__(
            ["levelname", "name", "message", "request_id"],
            rename_fields=names,
            timestamp="time",
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Keep what is named."""
        return {name: log_data[name] for name in _KEPT if log_data.get(name) is not None}

    def format(self, record: logging.LogRecord) -> str:
        """Return the object."""
        return masked(super().format(record))


class MaskTicketCodes(logging.Filter):
    """Replace ticket codes and links of offers: whoever reads a log must not be able to enter with it (rule 23)."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the message; let every record through."""
        message = record.getMessage()
        if _SECRET.search(message):
            record.msg, record.args = _SECRET.sub("[secret]", message), ()
        return True


STATEMENT_TIMEOUT = "57014"  # PostgreSQL's word for what it gave up because it took too long


def is_too_slow(error: BaseException | None) -> bool:
    """Return whether the database is there, and gave up what took too long: where, only its trace tells."""
    return getattr(getattr(error, "__cause__", None), "sqlstate", None) == STATEMENT_TIMEOUT


class AwayInOneLine(logging.Filter):
    """Tell in one line that the database or Redis is away: a trace of it, each second, would bury what matters."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Put the error in the place of its trace; let every record through."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OperationalError | InterfaceError | RedisError) and not is_too_slow(error):
            said = (str(error).splitlines() or [""])[0]
            record.msg, record.args = f"{record.getMessage()}: {type(error).__name__} {said}", ()
            record.exc_info = record.exc_text = None
        return True


REFUSED = (PermissionDenied, SuspiciousOperation, BadRequest, MultiPartParserError)


class RefusedInOneLine(logging.Filter):
    """Tell in one line what was refused, and why: it is no error of ours, and anybody could fill a disk with traces."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Put the reason in the place of the trace; let every record through."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, REFUSED):
            said, reason = record.getMessage(), str(error).partition("\n")[0]
            record.msg, record.args = said if reason in said else f"{said}: {reason}", ()
            record.exc_info = record.exc_text = None
        return True


class ForeignHosts(logging.Handler):
    """Tell of requests for hosts that are not ours in lines of our own, not of each: every scanner asks for one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of one."""
        from .trust import refused, trail  # noqa: PLC0415 -- models, which are loaded after the log is set up

        refused.note("host_refused", address=trail.address_of(getattr(record, "request", None)))


class NoBrokenText(logging.Filter):
    """Leave out the trace that Uvicorn logs of each text that is no UTF-8: anybody could fill a disk with it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let all other records through."""
        return not (record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError))


def mask_access_log() -> None:
    """Make Daphne's own access log, which is written past `logging`, do the same."""
    write_entry = AccessLogGenerator.write_entry

    def masked(self: AccessLogGenerator, host: str, date: object, request: str, **rest: object) -> None:
        write_entry(self, host, date, _SECRET.sub("[secret]", request), **rest)

    AccessLogGenerator.write_entry = masked
