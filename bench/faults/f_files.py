"""Faults of a disk: there is no room for files any more."""

from bench.faults.report import Fault
from bench.faults.scenes import on_a_database

FAULTS = [Fault("F11", "media or temporary disk full", on_a_database("bench.faults.disk.play"))]
