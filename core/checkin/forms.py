"""What a gate sends, and what is said when it is not right."""

import datetime as dt
import re
from contextlib import suppress
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from ..many import LARGEST_ID
from ..own_words import OwnWords
from .offline import OfflineScan
from .people import LEAST_TYPED

MAX_TYPED_CODE = 1000  # characters; no code is as long, however it is spaced
MAX_GATE = 60  # characters, as `Scan.gate`
MAX_NONCE = 64
MAX_TOKEN = 200
MAX_REASON = 200
MOST_AT_ONCE = 500  # scans of one device in one request
EARLIEST, LATEST = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2000, 2100))
MOST_MILLISECONDS = round(LATEST.timestamp() * 1000)
NO_SCAN = _("Scan %(number)d of the list is none: nothing of it was stored.")
_FINGERPRINT = re.compile(r"[A-Za-z0-9_-]{22}")


def _event_field() -> forms.IntegerField:
    pick = _("Pick an event.")
    return forms.IntegerField(min_value=1, max_value=LARGEST_ID, error_messages={"invalid": pick, "required": pick})


class CodeField(forms.CharField):
    """Whatever a scanner sends or a hand types: what cannot be a code is an unknown one, and no bad form."""

    def to_python(self, value: Any) -> str:
        """Return the text without what a database cannot store, cut to a length that cannot matter."""
        return (super().to_python(value) or "").replace("\0", "?")[:MAX_TYPED_CODE]


class GateForm(OwnWords, forms.Form):
    """Which gate of which event."""

    event = _event_field()
    gate = forms.CharField(max_length=MAX_GATE, required=False)

    def problem(self) -> str:
        """Return the first error in words."""
        return next((str(errors[0]) for errors in self.errors.values()), "")


class ScanForm(GateForm):
    """One scan at a gate: of a code, or of a ticket that was found by look-up."""

    code = CodeField(required=False)
    ticket = forms.CharField(max_length=MAX_TOKEN, required=False)  # what the look-up gave
    nonce = forms.CharField(max_length=MAX_NONCE, required=False)

    def clean(self) -> dict[str, Any] | None:
        """Refuse a scan of nothing."""
        cleaned = super().clean() or {}
        if not (cleaned.get("code") or cleaned.get("ticket") or self.errors.get("ticket")):
            self.add_error("code", gettext("Scan or type a code first."))
        return cleaned


class PeopleForm(GateForm):
    """Whom to look for."""

    who = forms.CharField(
        min_length=LEAST_TYPED,
        max_length=100,
        error_messages={
            "required": _("Type a name or an e-mail address."),
            "min_length": ngettext_lazy(
                "Type at least %(limit_value)d letter of the name.",
                "Type at least %(limit_value)d letters of the name.",
                "limit_value",
            ),
        },
    )


class UndoForm(GateForm):
    """Which scan to take back, and why."""

    scan = forms.IntegerField(min_value=1, max_value=LARGEST_ID)
    reason = forms.CharField(
        max_length=MAX_REASON, error_messages={"required": _("Say why the scan is taken back: it stays on record.")}
    )


class ListForm(GateForm):
    """Which event's list a device asks for, and what it knows already."""

    since = forms.CharField(required=False)

    def clean_since(self) -> dt.datetime | None:
        """Return the moment; refuse what is none, or has no offset from UTC."""
        text = self.cleaned_data["since"]
        if not text:
            return None
        with suppress(ValueError):
            moment = dt.datetime.fromisoformat(text)
            if moment.tzinfo is not None and EARLIEST < moment < LATEST:
                return moment
        raise ValidationError("`since` is the `now` of a list, in ISO 8601 with an offset.")


class ScansField(forms.JSONField):
    """JSON that is as no scan is, too: Python's reader gives up on deep nests and long numbers by errors of its own."""

    def to_python(self, value: Any) -> Any:
        """Return what the text says."""
        try:
            return super().to_python(value)
        except (RecursionError, ValueError):
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class SyncForm(GateForm):
    """What a device did without a network: a JSON list of `{nonce, fingerprint, at, offset, let_in, gate}`.

    `at` is the device's moment in milliseconds since 1970, `offset` what was to be added to it, in milliseconds.
    """

    scans = ScansField(required=False)  # an empty list is one

    def clean_scans(self) -> list[OfflineScan]:
        """Return the scans; refuse what no gate of ours sends, and say which one it was."""
        sent = self.cleaned_data["scans"]
        if not isinstance(sent, list) or len(sent) > MOST_AT_ONCE:
            raise ValidationError(f"`scans` is a list of at most {MOST_AT_ONCE} scans.")
        scans = [_offline_scan(number, told) for number, told in enumerate(sent, start=1)]
        if len({scan.nonce for scan in scans}) < len(scans):
            raise ValidationError("Two scans have the same nonce: nothing was stored.")
        return scans


def _offline_scan(number: int, told: Any) -> OfflineScan:
    try:
        nonce, name, gate = (_text(told[field]) for field in ("nonce", "fingerprint", "gate"))
        at, offset, let_in = told["at"], told["offset"], told["let_in"]
    except (KeyError, TypeError):
        raise ValidationError(NO_SCAN, params={"number": number}) from None
    is_named = 0 < len(nonce) <= MAX_NONCE and _FINGERPRINT.fullmatch(name) and len(gate) <= MAX_GATE
    if not (is_named and _is_time(at, 0) and _is_time(offset, -MOST_MILLISECONDS) and isinstance(let_in, bool)):
        raise ValidationError(NO_SCAN, params={"number": number})
    moment = dt.datetime.fromtimestamp(at / 1000, dt.UTC)
    return OfflineScan(nonce, name, moment, dt.timedelta(milliseconds=offset), let_in, gate)


def _text(value: Any) -> str:
    """Return a text without what a database cannot store; an empty one for anything else."""
    return value.replace("\0", "").encode(errors="ignore").decode() if isinstance(value, str) else ""


def _is_time(value: Any, least: int) -> bool:
    return type(value) is int and least <= value <= MOST_MILLISECONDS  # True is an int, too
