"""The figures of the admin's first page, read where they are shown."""

from typing import Any

from django import template

register = template.Library()


@register.simple_tag(takes_context=True)
def figures_of_today(context: Any) -> Any:
    """Return the day's figures for whoever asks."""
    from ..admin.figures import of_today  # noqa: PLC0415 -- the admin is loaded after the template tags

    return of_today(context["request"])
