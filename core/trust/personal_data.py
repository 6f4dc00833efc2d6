"""What is stored about a person, as they may download it (GDPR, article 15 and 20).

The server's log is not in it: it has a name and an address as keyed hashes alone, of which nobody can make them again.
"""

from typing import TYPE_CHECKING, Any

from django.utils import translation

from ..accounts import mails_to, offers_to
from ..models import FAILED_LOGINS, Scan, TicketTransfer, User

if TYPE_CHECKING:
    from django.db.models import QuerySet

ACCOUNT = (
    "username", "email", "first_name", "last_name", "language", "date_joined", "last_login", "is_active", "is_staff",
)  # fmt: skip
# By the name of each relation to a person: how the part is called, and its fields. A relation without a row fails a
# test.
PARTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "emailaddress_set": ("e-mail addresses", ("email", "verified", "primary")),
    "socialaccount_set": ("accounts elsewhere", ("provider", "uid", "date_joined", "last_login", "extra_data")),
    "authenticator_set": ("second factors", ("type", "created_at", "last_used_at")),
    "arrivals": ("logins", ("login_timestamp", "last_seen_at", "is_active", "address")),
    "places": (
        "places in line",
        ("event", "event__name", "status", "login_timestamp", "tier", "draw", "created_at", "held_at", "expires_at",
         "ended_at", "end_reason"),
    ),
    "tickets": (
        "tickets",
        ("event", "event__name", "code", "tier", "booked_at", "cancelled_at", "cancel_reason", "checked_in_at"),
    ),
    "offers": ("offers you made", ("ticket", "email", "offered_at", "accepted_at", "ended_at", "end")),
    "accepted_offers": ("offers you accepted", ("ticket", "offered_at", "accepted_at")),
    "organized_events": ("events you organize", ("id", "name", "venue", "starts_at", "status")),
    "imports": ("files of events you uploaded", ("file_name", "at", "done_at")),
    "gate_events": ("events whose gate you staff", ("id", "name", "starts_at")),
    "admitted_tickets": ("tickets you admitted", ("id", "event", "checked_in_at")),
    "scans": ("scans you made", ("event", "scanned_at", "outcome", "gate")),
    "undone_scans": ("scans you took back", ("event", "undone_at", "undo_reason")),
    "muted_notices": ("mails you do without", ("notice", "since")),
    "push_subscriptions": ("browsers that tell you when it is your turn", ("endpoint", "created_at")),
    "announcements": ("messages you wrote", ("event", "kind", "audience", "subject", "text", "created_at", "begin_at")),
    "announcement_mails": (
        "what you were told about events",
        ("announcement__event", "announcement__kind", "announcement__subject", "announcement__begin_at"),
    ),
    "deeds": ("what you did", ("at", "action", "subject", "detail", "changes", "address")),
    "audited": ("what was done about you", ("at", "action", "subject", "detail", "changes")),
    "saved_filters": ("filters you saved", ("model", "name", "query", "created_at")),
    "logentry_set": (
        "what you changed in the administration",
        ("action_time", "content_type__model", "object_id", "change_message"),
    ),
}  # fmt: skip


def _beyond_relations(user: User) -> dict[str, "QuerySet[Any, Any]"]:
    """Return what is about a person without a relation of its own: of their tickets, and to their addresses."""
    scans = Scan.objects.filter(ticket__user=user).order_by("pk")
    by_staff = TicketTransfer.objects.filter(ticket__user=user).exclude(offered_by=user).order_by("pk")
    return {
        "scans of your tickets": scans.values("ticket", "event", "scanned_at", "outcome", "gate", "undone_at"),
        "offers to you": offers_to(user).order_by("pk").values("ticket__event__name", "offered_at", "ended_at", "end"),
        "offers of your tickets by staff": by_staff.values("ticket", "offered_at", "ended_at", "end"),
    }


def collect(user: User) -> dict[str, Any]:
    """Return all that is stored about a person, part by part, ready for JSON."""
    found: dict[str, Any] = {"account": {name: getattr(user, name) for name in ACCOUNT}}
    found["account"]["groups"] = list(user.groups.order_by("name").values_list("name", flat=True))
    for relation, (name, fields) in PARTS.items():
        found[name] = list(getattr(user, relation).order_by("pk").values(*fields))
    found |= {name: list(rows) for name, rows in _beyond_relations(user).items()}
    # Of what was done about somebody, where from is told of this alone: elsewhere it is where staff sat.
    attempts = user.audited.filter(action__in=FAILED_LOGINS).order_by("pk")
    found["logins that failed"] = list(attempts.values("at", "action", "address", "detail"))
    with translation.override(None):  # the names and values of a file for programs are the same in every language
        found["mails to you"] = [
            {"to": mail.to, "subject": mail.subject, "created": mail.created, "status": mail.get_status_display()}
            for mail in mails_to(user).order_by("pk")
        ]
    return found
