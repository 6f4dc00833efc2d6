"""Faults of SQLite: many write at once, and somebody keeps the file locked."""

from bench.faults.report import Fault
from bench.faults.scenes import on_a_database

FAULTS = [Fault("F21", "SQLite: database is locked", on_a_database("bench.faults.locked.play", sqlite=True))]
