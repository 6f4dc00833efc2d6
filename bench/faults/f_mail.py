"""Faults of mail: its server is away, or says nothing; whoever delivers is killed."""

from bench.faults.report import Fault
from bench.faults.scenes import on_a_database

FAULTS = [
    Fault("F26", "the mail server is away, or silent", on_a_database("bench.faults.mail.play"), is_quick=False),
    Fault("F30", "whoever delivers mail is killed", on_a_database("bench.faults.mail_kills.play")),
]
