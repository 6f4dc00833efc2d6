"""Why the database cannot be used here, in words, and what to do about it: for commands, and for the doctor."""

import re
import sqlite3
from dataclasses import dataclass

from django.db import Error, InterfaceError, OperationalError, connection

MISSING = ("42P01", "42703")  # PostgreSQL's words for a table, or a column, that is not there
MISSING_IN_SQLITE = ("no such table", "no such column")
DENIED = "42501"
DENIED_REMEDY = (
    "To migrate or restore, name the owner of the tables in DATABASE_URL; to serve, run deploy/roles.sql again"
    " (docs/operations.md, Roles of PostgreSQL)."
)
AWAY = ("08", "28", "3D", "53", "57P")  # how its words begin for what keeps a connection from being made, or ends it
AWAY_IN_SQLITE = (
    "unable to open database file",
    "file is not a database",
    "attempt to write a readonly database",
    "database is locked",
    "database or disk is full",
    "disk I/O error",
)
NO_DATABASE = re.compile(r'database ".*" does not exist$')


@dataclass(frozen=True)
class Cause:
    """What is wrong (`part` is the doctor's word for it), and what to do."""

    part: str
    said: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.said} {self.remedy}"


def cause_of(error: BaseException) -> Cause | None:
    """Return why the database cannot be used; None where it can, so that the error is about something else."""
    if not isinstance(error, Error | sqlite3.Error):
        return None
    said, driver = _first_line(error), _driver_error(error)
    code = getattr(driver, "sqlstate", None) or ""
    if driver and code == DENIED:
        return Cause("role", f"The role in DATABASE_URL may not do that: {_first_line(driver)}.", DENIED_REMEDY)
    if code in MISSING or said.startswith(MISSING_IN_SQLITE):
        return Cause("tables", "The tables are missing, or of another version.", "Run `manage.py migrate`.")
    if connection.vendor == "sqlite":
        return _sqlite(said) if said.startswith(AWAY_IN_SQLITE) else None
    is_away = isinstance(error, OperationalError | InterfaceError) and (not code or code.startswith(AWAY))
    return _postgresql(said) if is_away else None


def _driver_error(error: BaseException) -> BaseException | None:
    """Return what the database's driver said, also where Django raised another error over it, as `migrate` does."""
    return error.__cause__ or (error.__context__.__cause__ if error.__context__ else None)


def _sqlite(said: str) -> Cause:
    name = connection.settings_dict["NAME"]
    remedy = "Correct DATABASE_URL, or let the user of the processes write to that file and its folder."
    if "locked" in said:
        remedy = "Somebody writes to it all the time: try again, or end who does."
    return Cause("database", f"The database {name} cannot be used: {said}.", remedy)


def _postgresql(said: str) -> Cause:
    """Return what PostgreSQL said, which the pool keeps to itself: it says that it waited."""
    from ..patience import PatientConnection  # noqa: PLC0415 -- psycopg is loaded only where there is PostgreSQL

    name = connection.settings_dict["NAME"]
    said = _first_line(Exception(PatientConnection.refusal or said)).rpartition("failed: ")[2]
    if NO_DATABASE.search(said):
        return Cause("database", f"There is no database {name}.", "Create it (`createdb`), or correct DATABASE_URL.")
    remedy = "Start PostgreSQL, or correct DATABASE_URL."
    return Cause("database", f"The database {name} cannot be used: {said}.", remedy)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
