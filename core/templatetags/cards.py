"""The part of an event in a list, which looks the same to many people: it is rendered once and kept."""

import hashlib
import secrets
from types import SimpleNamespace
from typing import Any

from django import template
from django.template import Context
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from ..context import EventCard

register = template.Library()

LARGEST = 1000  # of about 3 kB each
OF_THE_LIST = {"_state", "upcoming"}  # what an event has of the list it was read for: every search counts its own
TOKEN = secrets.token_hex(16)  # stands for the viewer's own CSRF token in what is kept
# Nobody in particular, so that what is kept cannot name anybody.
ANYBODY = {True: SimpleNamespace(is_authenticated=True), False: SimpleNamespace(is_authenticated=False)}
_kept: dict[bytes, str] = {}


@register.simple_tag(takes_context=True)
def event_part(context: Context, name: str, card: EventCard, where: str) -> SafeString:
    """Render the part `name` for a card; `where` keeps its ids apart from others on the page.

    What shows something of the viewer's own is rendered for them alone. The rest depends on what the key is made of,
    and on the CSRF token, which is put in afterwards. A template that reads more needs more in the key.
    """
    if card.is_personal:
        own = {key: context.get(key) for key in ("user", "request", "csrf_token")}
        return _render(context, name, {"card": card, "where": where, **own})
    logged_in, path = context["user"].is_authenticated, context["request"].path
    key = hashlib.blake2b(repr((get_language(), name, where, logged_in, path, _content(card))).encode()).digest()
    html = _kept.get(key)
    if html is None:
        viewer = {"user": ANYBODY[logged_in], "request": SimpleNamespace(path=path), "csrf_token": TOKEN}
        html = _render(context, name, {"card": card, "where": where, **viewer})
        if len(_kept) >= LARGEST:
            _kept.clear()
        _kept[key] = html
    if TOKEN in html:  # nobody who is not logged in has a form here: their page is the same for all
        html = html.replace(TOKEN, str(context["csrf_token"]))
    return mark_safe(html)  # noqa: S308 -- as the template made it; a token is letters and digits


def _content(card: EventCard) -> tuple[Any, ...]:
    """Return all that tells one card from another: the event's fields, its numbers but for their moment, the words."""
    fields = [(name, value) for name, value in vars(card.event).items() if name not in OF_THE_LIST]
    numbers = {**card.stats, "now": None}
    return fields, card.event.zone, card.zone_name, numbers, card.badge, card.why, card.states


def _render(context: Context, name: str, values: dict[str, Any]) -> SafeString:
    part = context.template.engine.get_template(name)  # type: ignore[union-attr]  # -- bound while it renders
    return part.render(context.new(values))
