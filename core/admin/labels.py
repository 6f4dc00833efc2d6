"""What the administration calls the rows of the box office and their fields, in the language of whoever looks.

Set here and not in the models, where every name would be a migration without a change of the database.
"""

from django.apps import apps
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

ROWS = {
    "event": (_("event"), _("events")),
    "tickethold": (_("place"), _("places")),
    "ticket": (_("ticket"), _("tickets")),
    "scan": (_("scan"), _("scans")),
    "tickettransfer": (_("ticket transfer"), _("ticket transfers")),
    "usersession": (_("user session"), _("user sessions")),
    "lastrun": (_("last run"), _("last runs")),
    "auditentry": (_("audit entry"), _("audit trail")),
}
FIELDS = {
    "accepted_at": _("accepted at"),
    "accepted_by": _("accepted by"),
    "action": _("action"),
    "actor": _("actor"),
    "address": pgettext_lazy("of a computer", "address"),
    "at": pgettext_lazy("a moment", "at"),
    "auto_hold": _("auto hold"),
    "booked_at": _("booked at"),
    "by_name": _("by name"),
    "cancel_reason": _("cancel reason"),
    "cancelled_at": _("cancelled at"),
    "capacity": _("capacity"),
    "checked_in_at": _("checked in at"),
    "checked_in_by": _("checked in by"),
    "code": _("code"),
    "created_at": _("created at"),
    "created_by": _("created by"),
    "description": _("description"),
    "detail": _("detail"),
    "draw": pgettext_lazy("a lot", "draw"),
    "email": _("email"),
    "end": pgettext_lazy("how it ended", "end"),
    "end_reason": _("end reason"),
    "ended_at": _("ended at"),
    "ends_at": _("ends at"),
    "event": _("event"),
    "expires_at": _("expires at"),
    "gate": _("gate"),
    "gate_staff": _("gate staff"),
    "held_at": _("held at"),
    "hold": pgettext_lazy("a place that is kept", "hold"),
    "hold_minutes": _("hold minutes"),
    "image": _("image"),
    "is_active": _("is active"),
    "is_offline": _("is offline"),
    "last_seen_at": _("last seen at"),
    "let_in": _("let in"),
    "line_policy": _("line policy"),
    "login_timestamp": _("login timestamp"),
    "mailed_at": _("mailed at"),
    "name": _("name"),
    "offered_at": _("offered at"),
    "offered_by": _("offered by"),
    "outcome": _("outcome"),
    "person": _("person"),
    "reason": _("reason"),
    "recorded_at": _("recorded at"),
    "replaces": _("replaces"),
    "sales_close_at": _("sales close at"),
    "sales_open_at": _("sales open at"),
    "scanned_at": _("scanned at"),
    "session": _("session"),
    "staff": _("staff"),
    "starts_at": _("starts at"),
    "status": _("status"),
    "subject": pgettext_lazy("what it was done to", "subject"),
    "ticket": _("ticket"),
    "tier": _("tier"),
    "time_zone": _("time zone"),
    "undo_reason": _("undo reason"),
    "undone_at": _("undone at"),
    "undone_by": _("undone by"),
    "user": _("user"),
    "venue": _("venue"),
    "work": pgettext_lazy("what runs", "work"),
}


def label() -> None:
    """Give models and fields these names; a field that has one of its own keeps it."""
    for name, (one, many) in ROWS.items():
        options = apps.get_model("core", name)._meta  # noqa: SLF001 -- Django's documented way to a model's options
        options.verbose_name, options.verbose_name_plural = one, many
        for field in (*options.fields, *options.many_to_many):
            if field.name in FIELDS and field.verbose_name == field.name.replace("_", " "):
                field.verbose_name = FIELDS[field.name]
