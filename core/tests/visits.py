"""How tests visit the site: as somebody, as a program that prefers JSON or as a browser, with a token or without."""

from typing import Any

from django.conf import settings
from django.contrib.messages import get_messages
from django.test import Client

from core.models import User

JSON = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def visit(person: User | None = None, *, headers: dict[str, str] = JSON, **options: Any) -> Client:
    """Return a client whose every request is made by `person` (None: anonymous), logged in without a password."""
    client = Client(headers=headers, **options)
    if person is not None:
        client.force_login(person)
    return client


def answer_of(response: Any) -> tuple[int, Any]:
    """Return the status code and the JSON of an answer."""
    return response.status_code, response.json()


def target_of(response: Any) -> str:
    """Return where a redirect leads."""
    location: str = response.headers["Location"]
    return location


def redirect_of(response: Any) -> tuple[int, str, list[str]]:
    """Return the status code, the target, and what the next page will say, of a browser's answer."""
    return response.status_code, target_of(response), [str(message) for message in get_messages(response.wsgi_request)]


def token_of(client: Client) -> str:
    """Return a CSRF token for the client, as the login page hands it out, or the logout page after a login."""
    logged_in = settings.SESSION_COOKIE_NAME in client.cookies
    client.get("/accounts/logout/" if logged_in else "/accounts/login/", headers=BROWSER)
    return client.cookies[settings.CSRF_COOKIE_NAME].value
