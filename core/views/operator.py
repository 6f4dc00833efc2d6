"""What operators ask: is it alive, is it ready; and the page that shows the sockets' raw messages."""

import datetime as dt
import json
import logging
import re
from urllib.parse import urlsplit

import redis
from allauth.core import ratelimit
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .. import cleanup
from ..http import RETRY_AFTER, reads
from ..now import now
from ..operations import exposition
from ..operations import status as watched
from ..trust import doctor, second_factor

logger = logging.getLogger(__name__)

SECURITY_TXT_LASTS = dt.timedelta(days=180)


@reads
def websocket_test(request: HttpRequest) -> HttpResponse:
    """Show the raw messages of both sockets; to anyone while developing, to staff otherwise."""
    if not settings.DEBUG:
        if not request.user.is_staff:
            raise Http404("No such page.")
        second_factor.require(request)
    return render(request, "core/websocket_test.html")


@reads
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that the process is alive; asks nobody else."""
    return JsonResponse({"status": "ok"})


@reads
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer `ok`, or `degraded` with what is missing; 503 only without the database."""
    try:
        missing = ["cleanup"] * cleanup.is_overdue()
    except DatabaseError:
        away = {"status": "unavailable", "missing": ["database"], "detail": _why_away()}
        return JsonResponse(away, status=503, headers={"Retry-After": RETRY_AFTER})
    missing += [] if _redis_answers() else ["redis"]
    return JsonResponse({"status": "degraded" if missing else "ok", "missing": missing})


@reads
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the measurements to Prometheus, which brings a token, and to staff; for others there is no such page."""
    if not exposition.has_token(request):
        exposition.require_operator(request)
    return HttpResponse(exposition.text(), content_type=exposition.CONTENT_TYPE, headers={"Cache-Control": "no-store"})


@reads
def status(request: HttpRequest) -> HttpResponse:
    """Show staff what `doctor` finds and the numbers of what sells; a few seconds old at most."""
    exposition.require_operator(request)
    findings, looked_at = watched.findings.get()
    context = {
        "findings": findings,
        "to_mend": [finding for finding in findings if finding.state != doctor.OK],
        "looked_at": looked_at,
        "events": watched.on_sale(now()),
    }
    return render(request, "core/status.html", context)


@reads
def security_txt(request: HttpRequest) -> HttpResponse:
    """Answer whom to tell of a weakness (RFC 9116), where the operator has named somebody."""
    if not settings.SECURITY_CONTACT:
        raise Http404("Nobody is named here.")
    contact = settings.SECURITY_CONTACT if ":" in settings.SECURITY_CONTACT else f"mailto:{settings.SECURITY_CONTACT}"
    expires = (timezone.now() + SECURITY_TXT_LASTS).strftime("%Y-%m-%dT00:00:00Z")
    lines = [f"Contact: {contact}", f"Expires: {expires}", "Preferred-Languages: en", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


@csrf_exempt  # browsers send reports by themselves
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Log what a browser was kept from loading: the rule, and where from; no address of a page, which has codes."""
    if ratelimit.consume(request, action="csp_report", user=AnonymousUser()):
        try:
            told = json.loads(request.body)["csp-report"]
            rule, blocked = str(told["effective-directive"]), urlsplit(str(told.get("blocked-uri", "")))
        except (ValueError, TypeError, KeyError, RecursionError):
            return HttpResponse(status=400)
        logger.warning("content refused: %s from %s", _harmless(rule), _harmless(blocked.netloc or blocked.path))
    return HttpResponse(status=204)


def _harmless(text: str) -> str:
    """Return what may be logged of a text that anybody may send: no line of its own, and nothing long."""
    return re.sub(r"[^\w.:/-]", "?", text)[:80]


def _why_away() -> str:
    if connection.vendor != "postgresql":
        return "The database does not answer."
    from ..patience import why_away  # noqa: PLC0415 -- psycopg is loaded only where there is PostgreSQL

    return why_away()


def _redis_answers() -> bool:
    """Return whether Redis, where it is configured, answers; pages work without it, less lively."""
    if not settings.REDIS_URL:
        return True
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=0.5, socket_timeout=0.5) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
