"""The gate: who may scan, what a scan comes to, the list a device keeps, and what the organizer sees of it all.

The only writer of a ticket's check-in marks. The format of a code lives in `ticket_code.py`, who has a ticket is
decided in `allocation.py`.
"""

from .people import find_tickets
from .scans import OwnTicket, ScanResult, scan, undo
from .staff import can_scan, may_undo_any, scannable_events

__all__ = [
    "OwnTicket",
    "ScanResult",
    "can_scan",
    "find_tickets",
    "may_undo_any",
    "scan",
    "scannable_events",
    "undo",
]
