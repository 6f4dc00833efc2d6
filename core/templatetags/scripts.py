"""What scripts read of a page that nobody sees."""

import json
from typing import Any

from django import template
from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from ..script_words import words

register = template.Library()


class _Readable(json.JSONEncoder):
    """Letters as they are: escaped, those of an Arabic page would be three times as long."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "ensure_ascii": False, "separators": (",", ":")})


@register.simple_tag
def script_words() -> SafeString:
    """Return the words of scripts, in the language of the page."""
    return json_script(words(get_language() or ""), "words", encoder=_Readable)
