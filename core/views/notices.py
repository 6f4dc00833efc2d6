"""Which mails a person wants, and in which language; the link in each by which they do without its kind (RFC 8058)."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from .. import languages
from ..http import PersonRequest, answer, for_people, in_words, invalid, reads, writes
from ..telling import wishes
from ..telling.forms import NoticesForm


@reads
@for_people
def choices(request: PersonRequest) -> HttpResponse:
    """Show which mails a person gets."""
    chosen = {"wanted": wishes.wanted_by(request.user), "language": languages.of_person(request.user) or get_language()}
    return _page(request, NoticesForm(initial=chosen))


def _page(request: PersonRequest, form: NoticesForm, *, status: int = 200) -> HttpResponse:
    browsers = request.user.push_subscriptions.count()
    return render(request, "core/account/notices.html", {"form": form, "browsers": browsers}, status=status)


@writes
@for_people
def choose(request: PersonRequest) -> HttpResponse:
    """Store which mails a person wants, and in which language; a program that names none leaves that as it is."""
    form = NoticesForm(request.POST)
    if not form.is_valid():
        return invalid(request, form, lambda: _page(request, form, status=400))
    wishes.choose(request.user, form.cleaned_data["wanted"])
    if language := form.cleaned_data["language"]:
        wishes.choose_language(request.user, language)
    return answer(request, {"status": "stored"}, message=_("Saved."), to="account_notices")


@csrf_exempt  # mail programs press the button by themselves, without a page of ours before (RFC 8058, 3.2)
@in_words
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether somebody is to do without a kind of mail; by POST they do, whoever is logged in.

    A GET changes nothing: programs that look for viruses follow every link of a mail.
    """
    found = wishes.read_token(token)
    if found is None:
        raise Http404(_("No such link."))
    person, notice = found
    if is_done := request.method == "POST":
        wishes.mute(person, notice)
    context = {"notice": notice.label, "email": person.masked_email, "is_done": is_done}
    return render(request, "core/unsubscribe.html", context)
