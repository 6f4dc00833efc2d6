"""Django's admin: what administrators see of everything, and organizers of their own events."""

from . import labels
from .events import EventAdmin
from .keys import AdministratorsOnly
from .line import ScanAdmin, TicketAdmin, TicketHoldAdmin, TicketTransferAdmin
from .mail import EmailAdmin
from .people import PersonAdmin, UserSessionAdmin
from .runs import LastRunAdmin
from .trust import AuditEntryAdmin, AuthenticatorAdmin

labels.label()

__all__ = [
    "AdministratorsOnly",
    "AuditEntryAdmin",
    "AuthenticatorAdmin",
    "EmailAdmin",
    "EventAdmin",
    "LastRunAdmin",
    "PersonAdmin",
    "ScanAdmin",
    "TicketAdmin",
    "TicketHoldAdmin",
    "TicketTransferAdmin",
    "UserSessionAdmin",
]
