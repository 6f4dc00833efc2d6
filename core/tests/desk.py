"""The admin as tests use it: who works there, forms as a browser sends them, and what a page shows."""

import re
from html.parser import HTMLParser
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db.models import Model
from django.test import Client
from django.utils.html import strip_tags

from core.models import User

from .cast import make_person
from .visits import BROWSER, visit


def make_administrator(name: str = "root") -> User:
    """Store somebody who may do everything."""
    return make_person(name, is_staff=True, is_superuser=True)


def employ(person: User, *permissions: str) -> None:
    """Let a person into the admin, with permissions such as `view_ticket`."""
    person.is_staff = True
    person.save(update_fields=["is_staff"])
    found = list(Permission.objects.filter(codename__in=permissions))
    if len(found) != len(permissions):
        raise AssertionError(f"of {permissions}, only these exist: {found}")
    person.user_permissions.set(found)


def at_desk(person: User) -> Client:
    """Return a browser in which this person is logged in, and whose first request (it places holds) is done."""
    browser = visit(person, headers=BROWSER)
    browser.get("/readyz")
    return browser


class _Form(HTMLParser):
    """Reads what a browser would send of each form of a page, were nothing changed in it."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = [{}]
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, fields = given.get("name", ""), self.forms[-1]
        if tag == "form":
            self.forms.append({})
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            fields[self._select] = given["value"]
        elif tag == "textarea":
            self._textarea = name
            fields[name] = ""
        elif tag == "input" and given.get("type") in {"checkbox", "radio"}:
            fields |= {name: given.get("value", "on")} if "checked" in given else {}
        elif tag == "input" and name and given.get("type") not in {"submit", "file"}:
            fields[name] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.forms[-1][self._textarea] += data.removeprefix("\n").removeprefix("\r\n")


def filled(response: Any) -> dict[str, str]:
    """Return the fields of a page's form with the values in them, as a browser would send them."""
    parser = _Form()
    parser.feed(response.content.decode())
    fields = max(parser.forms, key=len)
    return {name: value for name, value in fields.items() if not name.startswith("csrf")}


def rows_of(response: Any) -> list[list[str]]:
    """Return the texts of a list's cells, row by row, without the checkboxes."""
    body = response.content.decode().partition('id="result_list"')[2].partition("<tbody>")[2].partition("</table>")[0]
    rows = [re.findall(r"<t[dh]([^>]*)>(.*?)</t[dh]>", row, re.DOTALL) for row in body.split("<tr>")[1:]]
    return [[strip_tags(text).strip() for attrs, text in row if "checkbox" not in attrs] for row in rows]


def act(browser: Client, model: str, action: str, rows: list[Model], **more: str) -> tuple[int, list[str]]:
    """Carry out an action on rows of a list; return the status code, and what the next page will say."""
    form = {"action": action, ACTION_CHECKBOX_NAME: [str(row.pk) for row in rows], **more}
    response = browser.post(f"/admin/core/{model}/", form)
    return response.status_code, messages_of(response)


def messages_of(response: Any) -> list[str]:
    """Return what the next page will say."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors_of(response: Any) -> dict[str, list[str]]:
    """Return the errors of a change form, by field."""
    form = response.context["adminform"].form
    return {name: list(errors) for name, errors in form.errors.items()}
