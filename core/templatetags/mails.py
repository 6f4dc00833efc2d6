"""What is put around a value in a translated sentence: mails as text, and catalogs, have the same one without it."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def isolated(name: str) -> SafeString:
    """Return somebody's name so that its direction does not turn the sentence around it."""
    return format_html("<bdi>{}</bdi>", name)


@register.filter
def strong(text: str) -> SafeString:
    """Return what is to stand out."""
    return format_html("<strong>{}</strong>", text)
