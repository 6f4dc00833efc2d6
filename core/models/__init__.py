"""What is stored, and the rules that the database itself keeps."""

from .announcements import Announcement, AnnouncementMail, AnnouncementQuerySet, MutedNotice, Notice
from .events import DeclaredTier, Event, EventQuerySet, new_secret
from .figures import HourlyFigures
from .imports import EventImport
from .ledger import FREES_A_PLACE, Cause, LedgerEntry
from .line import LINE_ORDER, TicketHold, TicketHoldQuerySet, count_of_person, count_per_event, has_line
from .people import GATE_STAFF, ORGANIZERS, User, UserSession, languages
from .push import PushMessage, PushMessageQuerySet, PushSubscription
from .runs import LastRun
from .saved_filters import SavedFilter
from .tickets import Scan, ScanQuerySet, Ticket, TicketQuerySet, status_of_ticket
from .trail import FAILED_LOGINS, AuditEntry
from .transfers import MAX_EMAIL, TicketTransfer, TicketTransferQuerySet

__all__ = [
    "FAILED_LOGINS",
    "FREES_A_PLACE",
    "GATE_STAFF",
    "LINE_ORDER",
    "MAX_EMAIL",
    "ORGANIZERS",
    "Announcement",
    "AnnouncementMail",
    "AnnouncementQuerySet",
    "AuditEntry",
    "Cause",
    "DeclaredTier",
    "Event",
    "EventImport",
    "EventQuerySet",
    "HourlyFigures",
    "LastRun",
    "LedgerEntry",
    "MutedNotice",
    "Notice",
    "PushMessage",
    "PushMessageQuerySet",
    "PushSubscription",
    "SavedFilter",
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
    "has_line",
    "languages",
    "new_secret",
    "status_of_ticket",
]
