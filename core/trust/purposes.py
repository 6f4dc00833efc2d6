"""For what somebody is asked again who they are: in a sentence of ours, by the page that they had asked for.

It is kept in their session. The address of the page that asks could have been made by anybody, so it only tells whether
that is still what they are asked for.
"""

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import Event

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ASKED = "asked_for"  # in a session: the page, its event, and where its answer leads to
IN_ADMIN = _("You asked for something in the administration.")
A_LIST = _("You asked to download a list of “%(event)s”.")
SCANNERS = _("You asked to change who can scan the tickets of “%(event)s”.")
A_FACTOR = _("You asked for your second factor: its app, its keys or its recovery codes.")
PURPOSES: "dict[str, StrOrPromise]" = {
    "attendees_csv": _("You asked to download the attendees of “%(event)s”."),
    "export_csv": A_LIST,
    "export_xlsx": A_LIST,
    "gate_staff_add": SCANNERS,
    "gate_staff_remove": SCANNERS,
    "personal_data": _("You asked to download what is stored about you."),
    "erase_account": _("You asked to erase your account."),
    "end_login": _("You asked to end another of your logins."),
    "account_email": _("You asked to change your e-mail addresses."),
    "socialaccount_connections": _("You asked to change with which accounts of other sites you log in."),
    **dict.fromkeys(
        (
            "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
            "mfa_download_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn", "mfa_remove_webauthn",
            "mfa_edit_webauthn",
        ),
        A_FACTOR,
    ),
}  # fmt: skip


def note(request: HttpRequest, to: str) -> None:
    """Keep in mind what a request was for, whose answer leads to an address of ours once it is shown who asks."""
    match = request.resolver_match
    if match is not None and request.user.is_authenticated:  # no session is begun for strangers
        request.session[ASKED] = {"page": match.view_name, "event": match.kwargs.get("event_id"), "to": to}


def in_words(request: HttpRequest) -> str:
    """Return what a person had asked for; empty if it is not known, or something else than they are asked for now."""
    asked = request.session.get(ASKED)
    if not asked or asked["to"] != request.POST.get("next", request.GET.get("next")):
        return ""
    if asked["page"].startswith("admin:"):
        return str(IN_ADMIN)
    words = str(PURPOSES.get(asked["page"], ""))
    if asked["event"] is None:
        return words
    event = Event.objects.filter(pk=asked["event"]).first()
    return words % {"event": event.name} if event else ""
