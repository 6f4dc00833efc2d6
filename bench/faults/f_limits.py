"""Faults of a process's limits: no file may be opened any more, and no memory is left."""

from bench.faults.report import Fault
from bench.faults.scenes import on_a_database

FAULTS = [Fault("F29", "file descriptors and memory gone", on_a_database("bench.faults.limits.play"), is_quick=False)]
