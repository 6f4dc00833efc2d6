"""Log in with Google: allauth's flow, with an end to every wait, and nothing believed that makes no sense."""

import logging
import threading
from base64 import urlsafe_b64encode
from concurrent.futures import Future
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount import forms
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.app_settings import UID_MAX_LENGTH
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.google.provider import GoogleProvider
from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.core.validators import validate_email
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods
from requests import RequestException, Response, Session, Timeout
from requests.exceptions import InvalidJSONError

from .http import RETRY_AFTER, in_words
from .models import MAX_EMAIL

logger = logging.getLogger(__name__)

PATIENCE = 2.4  # seconds for each of the two answers that a login may need: five in all
LONGEST_ID = UID_MAX_LENGTH  # characters
TEXTS = ("email", "name", "given_name", "family_name")


class PatientSession(Session):
    """Asks Google, and waits so long for the whole answer: the limit of `requests` starts anew with every byte.

    Whom to ask is fixed: no answer leads elsewhere, where a code or a token would go along.
    """

    def request(self, *args: Any, **options: Any) -> Response:
        """Return the answer. Raises Timeout; whatever comes later is heard by nobody."""
        if not connection.in_atomic_block:  # as a test case is
            connection.close()  # back to the pool: whoever waits here must not keep bookings from it
        answer: Future[Response] = Future()
        ask = partial(super().request, *args, **options | {"timeout": PATIENCE, "allow_redirects": False})
        threading.Thread(target=_carry, args=(answer, ask), daemon=True).start()
        try:
            return answer.result(PATIENCE)
        except TimeoutError:
            raise Timeout("no whole answer in time") from None


def _carry(answer: "Future[Response]", ask: Any) -> None:
    try:
        answer.set_result(ask())
    except Exception as error:  # noqa: BLE001 -- carried to the thread that waits
        answer.set_exception(error)


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # -- allauth comes without types
    """What allauth asks of the project about other services' accounts."""

    def get_requests_session(self) -> Session:
        """Return what asks the service."""
        return PatientSession()

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Leave whoever is logged in as they are: allauth would log them out first, which ends holds and places."""
        if request.user.is_authenticated and sociallogin.state.get("process") == AuthProcess.LOGIN:
            told = _("You are logged in as %(name)s. To log in with another account, log out first.")
            messages.info(request, told % {"name": request.user.get_username()})
            raise ImmediateHttpResponse(redirect(settings.LOGIN_REDIRECT_URL))

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, *, exception: Exception | None = None, **told: Any
    ) -> None:
        """Note why a login failed; answer 503 where the service did not answer: it may do so in a moment."""
        if exception is not None:
            logger.warning("a login with %s failed: %s", provider.id, type(exception).__name__)
        if isinstance(exception, RequestException) and not isinstance(exception, InvalidJSONError):
            page = "socialaccount/authentication_error.html"
            context = {"auth_error": {"provider": provider}, "is_away": True}
            response = render(request, page, context, status=HTTPStatus.SERVICE_UNAVAILABLE)
            response["Retry-After"] = RETRY_AFTER
            raise ImmediateHttpResponse(response)


class GoogleOfThisLogin(GoogleProvider):  # type: ignore[misc]  # -- as above
    """allauth's, but that Google is to repeat in its token which attempt to log in it answers (`nonce`, OpenID)."""

    def get_pkce_params(self) -> dict[str, Any]:
        """Return what is asked beside the code: the challenge of RFC 7636, which is one for each attempt, twice."""
        asked: dict[str, Any] = super().get_pkce_params()
        return asked | {"nonce": asked["code_challenge"]}


class GoogleAdapter(GoogleOAuth2Adapter):  # type: ignore[misc]  # -- as above
    """Google's answers, each looked at before allauth builds an account on it. Raises OAuth2Error for nonsense."""

    _nonce = ""  # that an identity token must have

    def get_provider(self) -> GoogleOfThisLogin:
        """Return whom to ask."""
        return GoogleOfThisLogin(self.request, app=super().get_provider().app)

    def get_access_token_data(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Return what the code was exchanged for."""
        proof = str(options["pkce_code_verifier"]).encode()  # of the attempt that this browser's session knows
        self._nonce = urlsafe_b64encode(sha256(proof).digest()).decode().rstrip("=")
        try:
            data = super().get_access_token_data(*args, **options)
            token = data["access_token"]
        except (KeyError, TypeError, RecursionError) as error:
            raise OAuth2Error("no token in Google's answer") from error
        if not (isinstance(token, str) and token.isascii() and token.isprintable()):
            raise OAuth2Error("no token in Google's answer")
        return {"access_token": token, "id_token": data.get("id_token")}  # nothing else is needed, nor kept

    def _decode_id_token(self, app: Any, id_token: Any) -> dict[str, Any]:
        claims = super()._decode_id_token(app, id_token)
        if claims.get("nonce") != self._nonce:
            raise OAuth2Error("a token of another login")
        return claims_of(claims)

    def _fetch_user_info(self, access_token: str) -> dict[str, Any]:
        return claims_of(super()._fetch_user_info(access_token))


def claims_of(told: Any) -> dict[str, Any]:
    """Return who somebody is by what Google told: an id, and texts that can be stored. Raises OAuth2Error.

    An address counts as verified if Google says so by a truth value: allauth takes the text "false" for one, too.
    """
    told = told if isinstance(told, dict) else {}
    person = told.get("sub") or told.get("id")
    if not (isinstance(person, str) and person.isprintable() and len(person) <= LONGEST_ID):
        raise OAuth2Error("nobody in Google's answer")
    texts = {name: told[name] for name in TEXTS if isinstance(told.get(name), str) and told[name].isprintable()}
    email = texts.get("email", "")
    try:
        validate_email(email[: MAX_EMAIL + 1])
    except ValidationError:
        email = ""  # the form asks for one
    is_verified = told.get("email_verified") is True or told.get("verified_email") is True
    return {"sub": person, **texts, "email": email[:MAX_EMAIL], "email_verified": is_verified}


class DisconnectForm(forms.DisconnectForm):  # type: ignore[misc]  # -- as above
    """allauth's, but for accounts of a service that is not set up here any more, of which it knows nothing."""

    def clean(self) -> Any:
        """Check the choice."""
        account = self.cleaned_data.get("account")
        if account and account.provider not in settings.SOCIALACCOUNT_PROVIDERS:
            raise ValidationError(_("Logins by other accounts are turned off here for now. Nothing was removed."))
        return super().clean()


_login = OAuth2LoginView.adapter_view(GoogleAdapter)
_callback = OAuth2CallbackView.adapter_view(GoogleAdapter)


def _only_with_a_client() -> None:
    if "google" not in settings.SOCIALACCOUNT_PROVIDERS:  # allauth answers 500 then
        raise Http404(_("There is nothing at this address."))


@in_words
@require_http_methods(["GET", "POST"])  # allauth takes a HEAD for the press on the button
def login(request: HttpRequest) -> HttpResponseBase:
    """Ask whether to go to Google, and go there. A link to this page must not decide what Google is asked for."""
    _only_with_a_client()
    if request.GET.keys() & {"auth_params", "scope"}:
        raise BadRequest(_("What Google is asked for is not typed into addresses."))
    response: HttpResponse = _login(request)
    return response


@in_words
@require_GET
def callback(request: HttpRequest) -> HttpResponseBase:
    """Take whoever comes back from Google in."""
    _only_with_a_client()
    response: HttpResponse = _callback(request)
    return response
