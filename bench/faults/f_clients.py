"""Faults of clients: they are slow, they stop reading, they say too much or what is none, and all come at once."""

from bench.faults.report import Fault
from bench.faults.scenes import on_a_cluster, on_a_database

FAULTS = [
    Fault("F16", "slow HTTP clients", on_a_database("bench.faults.slow.play"), is_quick=False),
    Fault("F17", "stalled readers of sockets", on_a_database("bench.faults.stalled.play")),
    Fault("F19", "floods of messages, and frames that are none", on_a_database("bench.faults.flood.play")),
    Fault("F20", "everybody reconnects", on_a_cluster("bench.faults.storm.play", log_statement="all"), is_quick=False),
]
