"""What is stored, and the rules that the database itself keeps."""

from .events import DeclaredTier, Event, EventQuerySet, new_secret
from .ledger import FREES_A_PLACE, Cause, LedgerEntry
from .line import LINE_ORDER, TicketHold, TicketHoldQuerySet, count_of_person, count_per_event
from .people import GATE_STAFF, User, UserSession
from .tickets import Scan, ScanQuerySet, Ticket, TicketQuerySet, status_of_ticket
from .transfers import MAX_EMAIL, TicketTransfer, TicketTransferQuerySet

__all__ = [
    "FREES_A_PLACE",
    "GATE_STAFF",
    "LINE_ORDER",
    "MAX_EMAIL",
    "Cause",
    "DeclaredTier",
    "Event",
    "EventQuerySet",
    "LedgerEntry",
    "Scan",
    "ScanQuerySet",
    "Ticket",
    "TicketHold",
    "TicketHoldQuerySet",
    "TicketQuerySet",
    "TicketTransfer",
    "TicketTransferQuerySet",
    "User",
    "UserSession",
    "count_of_person",
    "count_per_event",
    "new_secret",
    "status_of_ticket",
]
