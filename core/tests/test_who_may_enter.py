"""Who may what at the addresses of allauth and of the media folder (RELIABILITY 5). An address without a row fails.

What allauth does there with a form that is filled in is its own; here it is who is let in at all.
"""

from typing import Any

from django.db import transaction
from django.test import TestCase

from core.models import User

from .cast import Cast, make_person
from .routes import every
from .visits import BROWSER, visit

LOGIN, HOME, DASHBOARD, ASK = "/accounts/login/", "/", "/dashboard/", "/accounts/login/code/"
Row = tuple[Any, Any, Any, Any]  # GET by nobody and by somebody, then an empty POST: the code, or where to


def moved(to: str) -> Row:
    """Return the row of an old address of something."""
    return (to, to, to, to)


PAGE: Row = (200, 200, 405, 405)  # of everybody
FORM: Row = (200, 200, 200, 200)
ENTRANCE: Row = (200, DASHBOARD, 200, DASHBOARD)  # whoever is in is led in
OWN_PAGE: Row = (LOGIN, 200, LOGIN, 405)  # about oneself
OWN_FORM: Row = (LOGIN, 200, LOGIN, 200)
WITHOUT_PASSWORD: Row = (LOGIN, 403, LOGIN, 403)  # of those who have neither a password nor a factor to show again
WITHOUT_FACTOR: Row = (LOGIN, 404, LOGIN, 404)
NOTHING: Row = (404, 404, 404, 404)

TABLE: dict[str, Row] = {
    "accounts/login/": ENTRANCE,
    "accounts/signup/": ENTRANCE,
    "accounts/login/code/": ENTRANCE,
    "accounts/login/code/confirm/": (ASK, DASHBOARD, ASK, DASHBOARD),  # nobody has asked for a code
    "accounts/logout/": (HOME, 200, HOME, HOME),
    "accounts/inactive/": PAGE,
    "accounts/reauthenticate/": WITHOUT_PASSWORD,
    "accounts/email/": (LOGIN, 200, LOGIN, "/accounts/email/"),
    "accounts/confirm-email/": PAGE,
    r"accounts/^confirm-email/(?P<key>[-:\w]+)/$": (200, 200, 404, 404),  # a key that is none, and the page says so
    "accounts/password/change/": (LOGIN, "/accounts/password/set/", LOGIN, "/accounts/password/set/"),
    "accounts/password/set/": OWN_FORM,
    "accounts/password/reset/": FORM,
    "accounts/password/reset/done/": PAGE,
    r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": FORM,  # as above
    "accounts/password/reset/key/done/": PAGE,
    "accounts/2fa/": OWN_PAGE,
    "accounts/2fa/authenticate/": (LOGIN, DASHBOARD, LOGIN, DASHBOARD),  # no login is under way
    "accounts/2fa/reauthenticate/": WITHOUT_PASSWORD,
    "accounts/2fa/totp/activate/": OWN_FORM,
    "accounts/2fa/totp/deactivate/": WITHOUT_FACTOR,
    "accounts/2fa/recovery-codes/": (LOGIN, 404, LOGIN, 405),
    "accounts/2fa/recovery-codes/generate/": OWN_FORM,
    "accounts/2fa/recovery-codes/download/": WITHOUT_FACTOR,
    "accounts/2fa/webauthn/": OWN_PAGE,
    "accounts/2fa/webauthn/add/": OWN_FORM,
    "accounts/2fa/webauthn/login/": (LOGIN, DASHBOARD, LOGIN, DASHBOARD),  # for programs: it answers JSON
    "accounts/2fa/webauthn/reauthenticate/": WITHOUT_PASSWORD,
    "accounts/2fa/webauthn/keys/<int:pk>/edit/": WITHOUT_FACTOR,
    "accounts/2fa/webauthn/keys/<int:pk>/remove/": WITHOUT_FACTOR,
    "accounts/3rdparty/": OWN_FORM,
    "accounts/3rdparty/signup/": moved(LOGIN),  # nobody comes from Google
    "accounts/3rdparty/login/cancelled/": PAGE,
    "accounts/3rdparty/login/error/": (401, 401, 405, 405),
    "accounts/social/connections/": moved("/accounts/3rdparty/"),
    "accounts/social/signup/": moved("/accounts/3rdparty/signup/"),
    "accounts/social/login/cancelled/": moved("/accounts/3rdparty/login/cancelled/"),
    "accounts/social/login/error/": moved("/accounts/3rdparty/login/error/"),
    # Without a client of Google's there is nothing; with one, test_google.py and test_google_refused.py.
    "accounts/google/login/": NOTHING,
    "accounts/google/login/callback/": (404, 404, 405, 405),
    "accounts/google/login/token/": NOTHING,
    "^accounts/google/": NOTHING,
    "media/events/<path:path>": (404, 404, 405, 405),  # there is no such image; else test_media.py
}


class EntranceMatrixTests(Cast, TestCase):
    root: User

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.root = make_person("root", is_staff=True, is_superuser=True)

    def ask(self, who: str, method: str, address: str) -> Any:
        client = visit(getattr(self, who, None), headers=BROWSER)
        with transaction.atomic():  # each answer for itself
            response = getattr(client, method)(address)
            transaction.set_rollback(True)
        target = response.headers.get("Location", "").partition("?")[0]
        return target or response.status_code

    def test_everybody_may_exactly_what_the_table_says(self) -> None:
        people = ("anonymous", "alice", "greta", "root")
        addresses = {route.pattern: route.address({}) for route in every()}
        for pattern, (get, own_get, post, own_post) in TABLE.items():
            for method, nobody, somebody in (("get", get, own_get), ("post", post, own_post)):
                with self.subTest(pattern=pattern, method=method):
                    got = {who: self.ask(who, method, addresses[pattern]) for who in people}
                    self.assertEqual(got, dict.fromkeys(people, somebody) | {"anonymous": nobody})

    def test_every_address_of_allauth_has_its_row(self) -> None:
        patterns = {route.pattern for route in every()}
        theirs = {pattern for pattern in patterns if pattern.startswith(("accounts/", "^accounts/"))}
        self.assertEqual(set(TABLE), theirs | {"media/events/<path:path>"})
