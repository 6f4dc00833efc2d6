"""The question before an action of the admin that cannot be undone: it names whom it concerns, and asks why."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from ..forms.reasons import ReasonForm
from ..trust import confirmation

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

NAMED_AT_ONCE = 100  # rows that a question can name


class Words(NamedTuple):
    """What a question says about so many rows; of each text `%(count)d` is their number.

    `limit` is said of more than it can name, `gone` of those that have left the list since.
    """

    title: str
    yes: str
    limit: str
    gone: str


@dataclass(frozen=True)
class Question:
    """What is asked before the action of this name is carried out: its words for so many rows, and of each row."""

    action: str
    words: Callable[[int], Words]
    warning: "StrOrPromise"
    describe: Callable[[Any], str]
    reason_form: type[ReasonForm] | None = ReasonForm  # in which it is asked why: it says who reads that
    wants_confirmation: bool = False  # that whoever is asked shows again who they are

    def ask(
        self,
        page: admin.ModelAdmin,  # type: ignore[type-arg]  # -- not subscriptable at run time
        request: HttpRequest,
        rows: QuerySet[Any],
        *,
        then: Callable[[HttpRequest, list[Any], str], None],
    ) -> TemplateResponse | None:
        """Show the question; once it is answered, carry out `then` on exactly the rows that it named."""
        if self.wants_confirmation:
            confirmation.require(request)
        # "All rows that match" may be more by now than the question named, so that is asked again.
        is_answered = request.POST.get("confirmed") == "yes" and request.POST.get("select_across", "0") == "0"
        named = list(rows.order_by("pk")[: NAMED_AT_ONCE + 1])
        asked_for = self.reason_form or forms.Form
        form = asked_for(request.POST if is_answered else None)
        if len(named) > NAMED_AT_ONCE:
            messages.error(request, self.words(NAMED_AT_ONCE).limit % {"count": NAMED_AT_ONCE})
        elif not named:
            messages.warning(request, _("Nothing was done: nothing of what you chose is in this list any more."))
        elif not form.is_valid():
            return self._page(page, request, named, form)
        else:
            self._tell_missing(request, len(named))
            then(request, named, form.cleaned_data.get("reason", ""))
        return None

    def _tell_missing(self, request: HttpRequest, found: int) -> None:
        """Say so where rows that the question named have left the list since, which may be filtered."""
        missing = len(set(request.POST.getlist(ACTION_CHECKBOX_NAME))) - found
        if missing > 0:
            messages.warning(request, self.words(missing).gone % {"count": missing})

    def _page(
        self,
        page: admin.ModelAdmin,  # type: ignore[type-arg]  # -- not subscriptable at run time
        request: HttpRequest,
        named: list[Any],
        form: forms.Form,
    ) -> TemplateResponse:
        words = self.words(len(named))
        context = {
            **page.admin_site.each_context(request),
            "title": words.title % {"count": len(named)},
            "yes": words.yes,
            "opts": page.opts,
            "question": self,
            "rows": [(row.pk, self.describe(row)) for row in named],
            "form": form,
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "media": page.media,
        }
        return TemplateResponse(request, "admin/core/question.html", context)
