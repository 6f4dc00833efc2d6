"""Floods of sockets: more than a person, an address or a process may have."""

from bench.faults.report import Fault
from bench.faults.scenes import on_a_database

FAULTS = [Fault("F18", "socket flood", on_a_database("bench.faults.handshakes.flooded"), is_timed=True)]
