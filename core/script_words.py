"""The words that scripts put into a page, in the page's language; `core/static/core/js/words.js` reads them.

What stands in braces is filled in there. A word that goes by a number has a form for each of a few numbers: the script
takes that of one which counts alike (`Intl.PluralRules`).
"""

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

SAMPLES = (1, 2, 3, 11, 0, 100, 1_000_000)  # one of each kind that a language of CLDR tells apart
Words = dict[str, str | dict[int, str]]


def words(language: str) -> Words:
    """Return the words of a language by their names."""
    with override(language):
        return _clocks() | _turns() | _asking() | _notes() | _status() | _counted()


def _clocks() -> Words:
    return {
        "time_up": _("Time is up"),
        "opens_in": _("Opens in {time}"),
        "opening": _("Opening now…"),
        "opens_title": _("{opens} – {name} · Box Office"),
        "on_sale": _("On sale now: {name}."),
        "on_sale_title": _("On sale now – {name} · Box Office"),
        "days": _("{number} d"),
        "hours": _("{number} h"),
        "minutes": _("{number} min"),
        "seconds": _("{number} s"),
        "ends_in_two": _("Your hold for {name} ends in less than 2 minutes. Book it now to keep it."),
        "ends_in_one": _("Your hold for {name} ends in less than a minute. Book it now to keep it."),
        "lapsed": _("Your hold for {name} lapsed, before it was booked."),
        "ends_title": _("Less than 2 minutes left – {name}"),
        "time_title": _("{time} to book – {name} · Box Office"),
    }


def _turns() -> Words:
    return {
        "turn_said": _("A ticket is held for you: {name}. Book it before the time is up."),
        "turn": _("Your turn – %(event)s") % {"event": "{name}"},
        "turn_body": _("A ticket is held for you until {time}. Book it before then."),
        "turn_title": _("Your turn – {name} · Box Office"),
        "next": _("You are next"),
        "wait_unknown": _("not known yet"),
        "wait_short": _("less than a minute"),
    }


def _asking() -> Words:
    return {
        "offline": _("You are offline. Nothing was sent: press again when you are back."),
        "no_answer": _("You are offline, and no answer came. The page shows what you have as soon as you are back."),
        "away": _("The site does not answer. Nothing was sent: press again in a moment."),
        "unanswered": _("The site does not answer. The page shows what you have as soon as it does."),
        "held": _("A place is held for you. Book it before the time is up."),
        "waiting": _("You are in line: number {position}."),
        "left": _("You left the line."),
        "released": _("Released. The place goes to the first in line."),
    }


def _notes() -> Words:
    return {
        "notifications": _("Notifications are on"),
        "copied": _("Copied"),
        "marked": _("It is marked: copy it"),
        "key_not_used": _(
            "The key was not used: you cancelled, took too long, or this device has no key for this site. Try again, or"
            " go another way."
        ),
        "key_failed": _(
            "The key could not be asked for: the site or this device did not answer. Try again in a moment."
        ),
        "share": _("{part} of {places} places."),
        "share_wrong": _("A whole percent, up to 100."),
        "share_none": _("Empty: not served first."),
    }


def _status() -> Words:
    return {
        "connecting": _("Connecting…"),
        "live": _("Live"),
        "reconnecting": _("Reconnecting…"),
        "polling": _("Updates every 30 s"),
        "no_network": _("Offline"),
    }


def _counted() -> Words:
    """Return what `templatetags/words.py` says as the page is made."""
    return {
        "ahead": _forms(lambda n: ngettext("%(count)d person ahead of you", "%(count)d people ahead of you", n)),
        "wait": _forms(lambda n: ngettext("about %(count)d minute", "about %(count)d minutes", n)),
    }


def _forms(said: Callable[[int], str]) -> dict[int, str]:
    return {number: said(number).replace("%(count)d", "{count}") for number in SAMPLES}
