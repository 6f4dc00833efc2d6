"""Showing again who one is, before what a stolen session must not do, and in the administration after a pause."""

import time
from collections.abc import Iterable
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows, suspend_request
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.translation import gettext as _

from ..http import wants_json
from ..models import UserSession

FILE = "file"  # what the query calls the address of a file


def require(request: HttpRequest) -> None:
    """Raise allauth's ReauthenticationRequired unless the person logged in, or did so again, in the last minutes.

    Whoever has neither a password nor a second factor here logs in elsewhere, and cannot be asked.
    """
    if not is_fresh(request) and get_reauthentication_flows(request.user):
        raise ReauthenticationRequired


class FileAskedFor(ReauthenticationRequired):  # type: ignore[misc]  # -- allauth has no types
    """The same before a download, which would leave the page that asks standing: its answer leads back to `page`."""

    def __init__(self, page: str, file: str) -> None:
        super().__init__()
        self.page, self.file = f"{page}?{urlencode({FILE: file})}", file


def require_before_file(request: HttpRequest, page: str) -> None:
    """Do the same before a file is sent; `page` is the address of the one that offers it, and does so once more."""
    try:
        require(request)
    except ReauthenticationRequired as error:
        raise FileAskedFor(page, request.path) from error


def where_to(request: HttpRequest, asked: FileAskedFor) -> str:
    """Return the address at which a person shows who they are, and then comes to the page that offers the file."""
    ways = get_adapter().get_reauthentication_methods(request.user)
    request.session[FILE] = asked.file
    return f"{ways[0]['url']}?{urlencode({'next': asked.page})}"


def file_asked_for(request: HttpRequest, offered: Iterable[str]) -> str:
    """Return the address of the file that was asked for before; empty where it is none of those that a page offers.

    It begins by itself (`request.file_begins`) once, after the password: not whenever that page is loaded again.
    """
    asked = request.GET.get(FILE, "")
    if asked not in offered:
        return ""
    request.file_begins = request.session.pop(FILE, "") == asked and is_fresh(request)  # type: ignore[attr-defined]
    return asked


def is_fresh(request: HttpRequest) -> bool:
    """Return whether the person showed who they are in the last minutes, be it by the login itself."""
    since = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    return any(record["at"] > since for record in get_authentication_records(request, request.user))


def require_before_writing(request: HttpRequest) -> None:
    """Do the same before a form is taken, which is kept meanwhile and goes on after that; without its passwords.

    What is kept is a row of the database: whoever typed a password types it once more.
    """
    try:
        require(request)
    except ReauthenticationRequired:
        _keep_form(request)
        raise


def _keep_form(request: HttpRequest) -> None:
    """Prepare a form to be kept by allauth: without passwords, and without a query in the address that leads back.

    It goes on only if that address is its path alone; what the query said is kept beside what was typed. A file is not
    kept, which the page that asks says.
    """
    if request.method != "POST":
        return
    if request.FILES and not wants_json(request):
        messages.warning(request, _("The file that you chose is not kept meanwhile: choose it again after that."))
    kept, _query = request.POST.copy(), request.GET  # read, and with that remembered, before it is gone
    request.META["QUERY_STRING"] = ""
    for name in [name for name in kept if "password" in name and name != "usable_password"]:
        del kept[name]
    request.POST = kept  # type: ignore[assignment]  # -- not to be changed after that


def require_after_pause(request: HttpRequest, login: UserSession | None) -> None:
    """Raise ReauthenticationRequired unless a person has shown who they are since their last pause, if there was one.

    A pause is an hour without a request and without an open page. The login goes on: it ranks them in lines, and a gate
    works without a network. A form goes on after that, as in `require_before_writing`.
    """
    if login is None or login.returned_at is None:
        return
    returned = login.returned_at.timestamp()
    if any(said["at"] > returned for said in get_authentication_records(request, request.user)):
        return
    if get_reauthentication_flows(request.user):
        _keep_form(request)
        raise ReauthenticationRequired


def ask(request: HttpRequest) -> HttpResponseRedirect:
    """Lead a person to where they show who they are, and back; as allauth does where a view has raised it."""
    ways = get_adapter().get_reauthentication_methods(request.user)
    there: HttpResponseRedirect = suspend_request(request, ways[0]["url"])
    return there
