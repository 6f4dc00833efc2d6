"""The words of what the admin asks before it acts on many rows: whole sentences of each action.

No language but English makes them of the same pieces.
"""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .questions import Words


def releasing(count: int) -> Words:
    """Return the question whether so many places are to be released."""
    return Words(
        ngettext("Release %(count)d place?", "Release %(count)d places?", count),
        ngettext("Yes, release it", "Yes, release them", count),
        ngettext(
            "Release at most %(count)d place at once, so that the question can name them.",
            "Release at most %(count)d places at once, so that the question can name them.",
            count,
        ),
        ngettext(
            "Left alone: %(count)d place, not in this list any more.",
            "Left alone: %(count)d places, not in this list any more.",
            count,
        ),
    )


def cancelling(count: int) -> Words:
    """Return the question whether so many tickets are to be cancelled."""
    return Words(
        ngettext("Cancel %(count)d ticket?", "Cancel %(count)d tickets?", count),
        ngettext("Yes, cancel it", "Yes, cancel them", count),
        ngettext(
            "Cancel at most %(count)d ticket at once, so that the question can name them.",
            "Cancel at most %(count)d tickets at once, so that the question can name them.",
            count,
        ),
        ngettext(
            "Left alone: %(count)d ticket, not in this list any more.",
            "Left alone: %(count)d tickets, not in this list any more.",
            count,
        ),
    )


def sending(count: int) -> Words:
    """Return the question whether so many tickets are to be sent again."""
    return Words(
        ngettext("Send %(count)d ticket?", "Send %(count)d tickets?", count),
        ngettext("Yes, send it", "Yes, send them", count),
        ngettext(
            "Send at most %(count)d ticket at once, so that the question can name them.",
            "Send at most %(count)d tickets at once, so that the question can name them.",
            count,
        ),
        ngettext(
            "Left alone: %(count)d ticket, not in this list any more.",
            "Left alone: %(count)d tickets, not in this list any more.",
            count,
        ),
    )


def erasing(count: int) -> Words:
    """Return the question whether so many accounts are to be erased."""
    return Words(
        ngettext("Erase %(count)d account?", "Erase %(count)d accounts?", count),
        ngettext("Yes, erase it", "Yes, erase them", count),
        ngettext(
            "Erase at most %(count)d account at once, so that the question can name them.",
            "Erase at most %(count)d accounts at once, so that the question can name them.",
            count,
        ),
        ngettext(
            "Left alone: %(count)d account, not in this list any more.",
            "Left alone: %(count)d accounts, not in this list any more.",
            count,
        ),
    )


def signing_out(count: int) -> Words:
    """Return the question whether so many people are to be signed out."""
    return Words(
        ngettext("Sign out %(count)d person?", "Sign out %(count)d people?", count),
        _("Yes, sign them out"),
        ngettext(
            "Sign out at most %(count)d person at once, so that the question can name them.",
            "Sign out at most %(count)d people at once, so that the question can name them.",
            count,
        ),
        ngettext(
            "Left alone: %(count)d person, not in this list any more.",
            "Left alone: %(count)d people, not in this list any more.",
            count,
        ),
    )


def ending(count: int) -> Words:
    """Return the question whether so many sessions are to be ended."""
    return Words(
        ngettext("End %(count)d session?", "End %(count)d sessions?", count),
        ngettext("Yes, end it", "Yes, end them", count),
        ngettext(
            "End at most %(count)d session at once, so that the question can name them.",
            "End at most %(count)d sessions at once, so that the question can name them.",
            count,
        ),
        ngettext(
            "Left alone: %(count)d session, not in this list any more.",
            "Left alone: %(count)d sessions, not in this list any more.",
            count,
        ),
    )


def removing(count: int) -> Words:
    """Return the question whether so many second factors are to be removed."""
    return Words(
        ngettext("Remove %(count)d second factor?", "Remove %(count)d second factors?", count),
        ngettext("Yes, remove it", "Yes, remove them", count),
        ngettext(
            "Remove at most %(count)d second factor at once, so that the question can name them.",
            "Remove at most %(count)d second factors at once, so that the question can name them.",
            count,
        ),
        ngettext(
            "Left alone: %(count)d second factor, not in this list any more.",
            "Left alone: %(count)d second factors, not in this list any more.",
            count,
        ),
    )


def serving(count: int) -> Words:
    """Return the question whether so many events are to be served."""
    return Words(
        ngettext("Serve %(count)d event?", "Serve %(count)d events?", count),
        ngettext("Yes, serve it", "Yes, serve them", count),
        ngettext(
            "Serve at most %(count)d event at once, so that the question can name them.",
            "Serve at most %(count)d events at once, so that the question can name them.",
            count,
        ),
        ngettext(
            "Left alone: %(count)d event, not in this list any more.",
            "Left alone: %(count)d events, not in this list any more.",
            count,
        ),
    )


def places_released(count: int) -> str:
    """Say that so many places were released."""
    told = ngettext(
        "Released: %(count)d place. The line was served.", "Released: %(count)d places. The line was served.", count
    )
    return told % {"count": count}


def places_left_alone(count: int) -> str:
    """Say that so many places were not released."""
    told = ngettext(
        "Left alone: %(count)d place. They had already ended: booked, released, expired or left.",
        "Left alone: %(count)d places. They had already ended: booked, released, expired or left.",
        count,
    )
    return told % {"count": count}


def tickets_left_alone(count: int, why: str) -> str:
    """Say that nothing was done to so many tickets, and why."""
    told = ngettext("Left alone: %(count)d ticket. %(why)s", "Left alone: %(count)d tickets. %(why)s", count)
    return told % {"count": count, "why": why}
