"""Faults of cron: it never runs, or many times at once, and is killed."""

from bench.faults.report import Fault
from bench.faults.scenes import on_a_database

FAULTS = [
    Fault("F14", "cron never runs", on_a_database("bench.faults.cron.never"), is_quick=False),
    Fault("F15", "eight cleanups at once, one killed", on_a_database("bench.faults.cron.at_once"), is_quick=False),
]
