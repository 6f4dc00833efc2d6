"""Faults of clocks: those of web processes are wrong, or set back; and hours that are skipped, or come twice."""

from bench.faults.report import Fault
from bench.faults.scenes import on_a_database

FAULTS = [
    Fault("F12", "web clocks wrong, and set back", on_a_database("bench.faults.clocks.play"), is_quick=False),
    Fault("F13", "summer time and time zones", on_a_database("bench.faults.zones.play", sqlite=True)),
]
