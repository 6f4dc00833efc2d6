"""Backups, made while it sells, and restored."""

from bench.faults.report import Fault
from bench.faults.scenes import on_a_database

FAULTS = [Fault("F27", "backup and restore", on_a_database("bench.faults.backups.played"))]
