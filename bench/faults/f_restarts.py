"""Faults of operation: processes are restarted one after the other, and keys are changed while people are there."""

from bench.faults.report import Fault
from bench.faults.scenes import on_a_database

FAULTS = [
    Fault("F24", "rolling restart under load", on_a_database("bench.faults.restarts.play")),
    Fault("F28", "keys changed in the middle", on_a_database("bench.faults.rotation.play"), is_quick=False),
]
