"""The bar that searches the list of events."""

from functools import cache

from django import template
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from ..search import SearchForm

register = template.Library()


@register.simple_tag
def search_bar(search: SearchForm) -> SafeString:
    """Render the bar: as it is before anybody searches once for each language, since widgets take milliseconds."""
    return _render(search) if search.is_used else _unused(get_language())


@cache
def _unused(_language: str | None) -> SafeString:
    return _render(SearchForm(QueryDict()))


def _render(search: SearchForm) -> SafeString:
    return render_to_string("core/parts/search.html", {"search": search})
