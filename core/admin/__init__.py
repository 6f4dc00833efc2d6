"""Django's admin: what administrators see of everything, and organizers of their own events."""

from .events import EventAdmin
from .line import ScanAdmin, TicketAdmin, TicketHoldAdmin, TicketTransferAdmin
from .mail import EmailAdmin
from .people import PersonAdmin, UserSessionAdmin

__all__ = [
    "EmailAdmin",
    "EventAdmin",
    "PersonAdmin",
    "ScanAdmin",
    "TicketAdmin",
    "TicketHoldAdmin",
    "TicketTransferAdmin",
    "UserSessionAdmin",
]
