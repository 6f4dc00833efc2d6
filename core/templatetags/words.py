"""Numbers and codes in words, for templates."""

import datetime as dt
import re

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..formats import fill
from ..formats import grouped as written

register = template.Library()


@register.filter
def grouped(number: float | str) -> str:
    """Return a number as people read it; nothing of a variable that is missing."""
    return "" if isinstance(number, str) else written(number)


@register.filter
def people_ahead(ahead: int | None) -> str:
    """Say how many people are ahead; `core/static/core/js/places.js` says it in the same words."""
    if not ahead:
        return _("You are next")
    return fill(ngettext("%(count)d person ahead of you", "%(count)d people ahead of you", ahead), count=ahead)


@register.filter
def about(seconds: float | str | None) -> str:
    """Say an estimated wait in whole minutes; None: not known yet."""
    if seconds is None or isinstance(seconds, str):  # a missing variable is an empty string
        return _("not known yet")
    minutes = round(seconds / 60)
    if minutes < 1:
        return _("less than a minute")
    return fill(ngettext("about %(count)d minute", "about %(count)d minutes", minutes), count=minutes)


@register.filter
def in_groups(code: str) -> str:
    """Return a ticket code in groups of four, easier to read and to type (the gate forgives the spaces)."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))


@register.filter
def masked(email: str) -> str:
    """Return an e-mail address of which only its owner's correspondents know whose it is: `b…@example.org`."""
    local, at, domain = email.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at else ""


@register.filter
def minutes(length: dt.timedelta) -> str:
    """Say how long a hold lasts: `10 minutes`, `90 seconds`."""
    seconds = round(length.total_seconds())
    if seconds % 60:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    whole = seconds // 60
    return ngettext("%(count)d minute", "%(count)d minutes", whole) % {"count": whole}


@register.filter
def breakable(address: str) -> SafeString:
    """Return an address, of mail or of a network, that breaks at its @, its dots and colons if a line is too short."""
    parts = re.split(r"(?<=[@:])(?=\S)|(?=\.\S)", address)
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in parts))


@register.filter
def with_code(text: str) -> SafeString:
    """Return a text in which what stands between `backticks` is code, as `doctor` writes it for a terminal."""
    parts = text.split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", p) if n % 2 else p,) for n, p in enumerate(parts))
    )
