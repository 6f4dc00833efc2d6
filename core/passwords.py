"""What no password may be made of: the site's own words, by which anybody would begin to guess."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

WORDS = (
    "admin", "attendee", "booking", "boxoffice", "concert", "event", "gate", "login", "office", "organizer", "password",
    "queue", "secret", "staff", "ticket", "welcome",
)  # fmt: skip
LEAST = 4  # letters besides
_NO_LETTER = re.compile(r"[\W\d_]+")


def own_words() -> list[str]:
    """Return the words, those of the site's address among them; the longest first."""
    host = urlsplit(settings.SITE_URL).hostname or ""
    of_address = {part for part in _NO_LETTER.split(host) if len(part) >= LEAST}
    return sorted({*WORDS, *of_address}, key=lambda word: (-len(word), word))


class OwnWordsValidator:
    """Refuses a password that is made of the site's own words, whatever digits and signs are between them."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError where hardly a letter is left without them."""
        letters = _NO_LETTER.sub("", password.casefold())
        left = re.sub("|".join(map(re.escape, own_words())), "", letters)
        if left != letters and len(left) < LEAST:
            raise ValidationError(_("This password is made of words that everybody here thinks of first."), "own_words")

    def get_help_text(self) -> str:
        """Return what is said beside the field."""
        return _("Your password must not be made of words such as “ticket”, “concert” or this site’s name.")
