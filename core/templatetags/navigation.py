"""Which entry of the navigation leads to the page that is shown, or to the part of the site that the page is in."""

from django import template
from django.template import Context
from django.urls import ResolverMatch
from django.utils.html import format_html

register = template.Library()

# By the first word of an address, the page that leads on to it; others are named as they begin.
PARTS = {"": "index", "events": "index", "account": "account_email", "accounts": "account_email"}
OF_ORGANIZERS = {"attendees", "gate_report", "gate_staff_add", "event_history"}  # though they begin as public pages do
ELSEWHERE = {"account_logout"}  # has an entry of its own


@register.simple_tag(takes_context=True)
def current(context: Context, name: str) -> str:
    """Return the attribute of a link to the page `name`: it is shown itself, or something that is part of it."""
    match = getattr(context.get("request"), "resolver_match", None)
    if match is None:  # no page of ours
        return ""
    if match.view_name == name:
        return format_html('aria-current="{}"', "page")
    return format_html('aria-current="{}"', "true") if _part_of(match) == name else ""


def _part_of(match: ResolverMatch) -> str:
    if match.view_name in OF_ORGANIZERS:
        return "organize"
    first = match.route.partition("/")[0]
    return "" if match.view_name in ELSEWHERE else PARTS.get(first, first)
