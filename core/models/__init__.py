"""What is stored, and the rules that the database itself keeps."""

from .events import Event, EventQuerySet
from .line import LINE_ORDER, TicketHold, TicketHoldQuerySet, count_per_event
from .people import GATE_STAFF, User, UserSession
from .tickets import Scan, Ticket, TicketQuerySet

__all__ = [
    "GATE_STAFF",
    "LINE_ORDER",
    "Event",
    "EventQuerySet",
    "Scan",
    "Ticket",
    "TicketHold",
    "TicketHoldQuerySet",
    "TicketQuerySet",
    "User",
    "UserSession",
    "count_per_event",
]
