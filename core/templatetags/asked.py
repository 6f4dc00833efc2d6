"""For what a page asks again who somebody is."""

from django import template
from django.template import Context

from ..trust import purposes

register = template.Library()


@register.simple_tag(takes_context=True)
def asked_for(context: Context) -> str:
    """Return what the person had asked for, in a sentence; empty if that is not known."""
    return purposes.in_words(context["request"])
