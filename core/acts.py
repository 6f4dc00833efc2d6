"""What staff can do to an event's line, as the admin and the organizers' pages offer it: with a form, and in words."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import BadRequest
from django.utils.text import format_lazy
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from . import steering
from .fairness.ledger import extensions
from .formats import fill
from .forms.reasons import ReasonForm
from .models import Event

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LEAST_EXTENSION = Decimal("0.001")  # minutes; the field takes thousandths
NO_LENGTH = format_lazy(_("Type a number of minutes: more than 0, at most {most}."), most=steering.LONGEST_EXTENSION)
AGAIN = _("The holds were extended since you opened this page, by you or a colleague; nothing was added to that.")


class ExtensionForm(ReasonForm):
    """By how much all holds are extended, and why."""

    minutes = forms.DecimalField(
        label=_("Minutes"),
        min_value=LEAST_EXTENSION,
        max_value=steering.LONGEST_EXTENSION,
        decimal_places=3,
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), NO_LENGTH),
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)  # extensions, when the page was made
    field_order = ("minutes", "reason")


@dataclass(frozen=True)
class Act:
    """Something that staff may do on this page. `carry_out` returns what is told, and what the history keeps if any.

    It raises EventCancelled where it is not `offered`.
    """

    name: str
    title: "StrOrPromise"
    explanation: "StrOrPromise"
    form: type[ReasonForm]
    carry_out: Callable[[Event, dict[str, Any]], tuple[str, str]]

    def filled(self, sent: Any = None, *, prefix: str = "", initial: dict[str, Any] | None = None) -> ReasonForm:
        """Return its form; the ids of its inputs begin with the prefix, and differ from those of another act."""
        return self.form(sent, auto_id=f"{prefix}{self.name}_%s", initial=initial)


def _pause(event: Event, typed: dict[str, Any]) -> tuple[str, str]:
    if steering.pause(event_id=event.pk, reason=typed["reason"]):
        return gettext("Serving is paused."), f"Serving paused: {typed['reason']}"
    return gettext("Serving was paused before; nothing has changed."), ""


def _resume(event: Event, typed: dict[str, Any]) -> tuple[str, str]:
    if steering.resume(event_id=event.pk, reason=typed["reason"]):
        return gettext("Serving goes on, in the order of the line."), f"Serving resumed: {typed['reason']}"
    return gettext("Serving was not paused; nothing has changed."), ""


def _extend(event: Event, typed: dict[str, Any]) -> tuple[str, str]:
    minutes = typed["minutes"].normalize()
    extended = steering.extend_holds(
        event_id=event.pk, minutes=float(minutes), reason=typed["reason"], seen=typed["seen"]
    )
    if extended is None:
        return str(AGAIN), ""
    told = ngettext(
        "Extended: %(count)d hold by %(minutes)s min.", "Extended: %(count)d holds by %(minutes)s min.", extended
    )
    holds = f"{extended} {'hold' if extended == 1 else 'holds'}"
    noted = f"Extended {holds} by {minutes:f} min: {typed['reason']}"  # the trail is in English
    return fill(told, count=extended, minutes=f"{minutes:f}"), noted


PAUSE = Act(
    "pause",
    _("Pause serving"),
    _("No free place is given to anybody. People can still join the line, and those who hold a place can book it."),
    ReasonForm,
    _pause,
)
RESUME = Act(
    "resume", _("Resume serving"), _("Free places go to the first in line again, at once."), ReasonForm, _resume
)
EXTEND = Act(
    "extend",
    _("Extend all holds"),
    _("After an outage, say. Who waits, waits on in the same order."),
    ExtensionForm,
    _extend,
)
ACTS = {act.name: act for act in (PAUSE, RESUME, EXTEND)}


def offered(event: Event) -> list[Act]:
    """Return what can be done to the event's line now: that of a cancelled event has ended."""
    if event.status == Event.Status.CANCELLED:
        return []
    return [RESUME if event.paused_at else PAUSE, EXTEND]


def asked_for(name: str) -> Act:
    """Return the act of a name. Raises BadRequest."""
    try:
        return ACTS[name]
    except KeyError as error:
        raise BadRequest(gettext("This page can pause, resume and extend, and nothing else.")) from error


def forms_of(
    event: Event, prefix: str = "", act: Act | None = None, typed: ReasonForm | None = None
) -> list[tuple[Act, ReasonForm]]:
    """Return what is offered with its forms, that of an `act` as it was typed, even if a colleague was faster."""
    shown = offered(event)
    if act and act not in shown:
        shown.append(act)
    seen = {"seen": extensions(event)}
    return [(one, typed if typed and one is act else one.filled(prefix=prefix, initial=seen)) for one in shown]
